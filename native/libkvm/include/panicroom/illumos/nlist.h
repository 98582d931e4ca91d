/* struct nlist of illumos's <nlist.h>; n_type is N_TEXT, N_DATA, N_BSS or N_ABS, with N_EXT, as the
 * BSDs have them. */
#ifndef PANICROOM_ILLUMOS_NLIST_H
#define PANICROOM_ILLUMOS_NLIST_H

#if defined(_NLIST_H)
#error "another system's <nlist.h> came first: put the face's directory in front of the system's"
#endif
#define _NLIST_H

struct nlist {
  char* n_name;
  long n_value;
  short n_scnum;
  unsigned short n_type;
  char n_sclass;
  char n_numaux;
};

#endif
