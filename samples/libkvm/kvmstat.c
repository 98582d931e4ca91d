/* What a dead machine was doing: kvmstat [-N KERNEL] DUMP. FreeBSD's face of kvm(3); what is not known is said. */
#include <fcntl.h>
#include <kvm.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  static const char *const states[] = {"user", "nice", "system", "interrupt", "idle"};
  const char *kernel = NULL, *dump = NULL;
  char why[2048];
  if (argc == 4 && strcmp(argv[1], "-N") == 0) kernel = argv[2], dump = argv[3];
  if (argc == 2 && argv[1][0] != '-') dump = argv[1];
  if (dump == NULL) return fprintf(stderr, "usage: kvmstat [-N KERNEL] DUMP\n"), 2;

  kvm_t *kd = kvm_openfiles(kernel, dump, NULL, O_RDONLY, why);
  if (kd == NULL) return fprintf(stderr, "kvmstat: %s\n", why), 1;
  double load[3];
  long ticks[5];
  int cpus = kvm_getncpus(kd);
  if (cpus < 0)
    printf("processors: %s\n", kvm_geterr(kd));
  else
    printf("processors: %d\n", cpus);
  if (kvm_getloadavg(kd, load, 3) < 0)
    printf("load: %s\n", kvm_geterr(kd));
  else
    printf("load: %.2f %.2f %.2f\n", load[0], load[1], load[2]);
  if (kvm_getcptime(kd, ticks) < 0)
    printf("ticks: %s\n", kvm_geterr(kd));
  else
    for (int i = 0; i < 5; ++i) printf("ticks %s: %ld\n", states[i], ticks[i]);
  return kvm_close(kd) == 0 ? 0 : 1;
}
