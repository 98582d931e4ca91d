/* struct nlist of the BSDs' <nlist.h>, in its ELF form. */
#ifndef PANICROOM_BSD_NLIST_H
#define PANICROOM_BSD_NLIST_H

#if defined(_NLIST_H)
#error \
    "another system's <nlist.h> came first: include <kvm.h> before it, or put the face's directory in front"
#endif
/* elfutils' <nlist.h>, which has another structure, is then empty. */
#define _NLIST_H
#define _NLIST_H_

struct nlist {
  const char* n_name;
  unsigned char n_type;
  char n_other;
  short n_desc;
  unsigned long n_value;
};

#define N_UNDF 0x00
#define N_EXT 0x01
#define N_ABS 0x02
#define N_TEXT 0x04
#define N_DATA 0x06
#define N_BSS 0x08
#define N_FN 0x1e
#define N_TYPE 0x1e

#endif
