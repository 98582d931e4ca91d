/* Swap space of a dead kernel: kswapinfo [-N KERNEL] DUMP. FreeBSD's face of kvm(3). */
#include <fcntl.h>
#include <kvm.h>
#include <stdio.h>
#include <string.h>

enum { most_devices = 32 };

int main(int argc, char **argv) {
  const char *kernel = NULL, *dump = NULL;
  struct kvm_swap swap[most_devices + 1];
  char why[2048];
  if (argc == 4 && strcmp(argv[1], "-N") == 0) kernel = argv[2], dump = argv[3];
  if (argc == 2 && argv[1][0] != '-') dump = argv[1];
  if (dump == NULL) return fprintf(stderr, "usage: kswapinfo [-N KERNEL] DUMP\n"), 2;

  kvm_t *kd = kvm_openfiles(kernel, dump, NULL, O_RDONLY, why);
  if (kd == NULL) return fprintf(stderr, "kswapinfo: %s\n", why), 1;
  int count = kvm_getswapinfo(kd, swap, most_devices + 1, SWIF_DEV_PREFIX);
  if (count < 0) return fprintf(stderr, "kswapinfo: %s\n", kvm_geterr(kd)), 1;

  printf("%-32s %12s %12s\n", "DEVICE", "PAGES", "USED");
  for (int i = 0; i <= count; ++i)
    printf("%-32s %12u %12u\n", i < count ? swap[i].ksw_devname : "total", swap[i].ksw_total,
           swap[i].ksw_used);
  return kvm_close(kd) == 0 ? 0 : 1;
}
