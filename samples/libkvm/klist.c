/* Addresses and first words of symbols: klist [-N KERNEL] DUMP NAME... What the BSDs' kvm(3) share. */
#include <fcntl.h>
#include <kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
  const char *kernel = NULL;
  char why[2048];
  int at = 1;
  if (argc > 2 && strcmp(argv[1], "-N") == 0) kernel = argv[2], at = 3;
  if (argc - at < 2) return fprintf(stderr, "usage: klist [-N KERNEL] DUMP NAME...\n"), 2;

  kvm_t *kd = kvm_openfiles(kernel, argv[at], NULL, O_RDONLY, why);
  if (kd == NULL) return fprintf(stderr, "klist: %s\n", why), 1;
  int count = argc - at - 1;
  struct nlist *names = calloc((size_t)count + 1, sizeof *names);
  if (names == NULL) return perror("klist"), 1;
  for (int i = 0; i < count; ++i) names[i].n_name = argv[at + 1 + i];
  int missing = kvm_nlist(kd, names);
  if (missing < 0) return fprintf(stderr, "klist: %s\n", kvm_geterr(kd)), 1;

  for (int i = 0; i < count; ++i) {
    unsigned long word = 0;
    if (names[i].n_type == N_UNDF) {
      printf("%-24s not found\n", names[i].n_name);
      continue;
    }
    printf("%-24s 0x%016lx", names[i].n_name, names[i].n_value);
    if (kvm_read(kd, names[i].n_value, &word, sizeof word) == (ssize_t)sizeof word)
      printf("  0x%016lx\n", word);
    else
      printf("  %s\n", kvm_geterr(kd));
  }
  free(names);
  kvm_close(kd);
  return missing == 0 ? 0 : 1;
}
