/* The processes of a dead kernel of any system: kps [-N KERNEL] DUMP. FreeBSD's face of kvm(3). */
#include <fcntl.h>
#include <kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysctl.h>
#include <sys/user.h>

/* Names of a dump may hold anything: what is not printable ASCII is shown as '?'. */
static const char *shown(const char *text) {
  static char safe[64];
  size_t at = 0;
  for (; text[at] != '\0' && at + 1 < sizeof safe; ++at)
    safe[at] = text[at] >= ' ' && text[at] <= '~' ? text[at] : '?';
  safe[at] = '\0';
  return safe;
}

int main(int argc, char **argv) {
  static const char *const states = "?IRSTZWL"; /* by SIDL to SLOCK */
  const char *kernel = NULL, *dump = NULL;
  char why[2048];
  if (argc == 4 && strcmp(argv[1], "-N") == 0) kernel = argv[2], dump = argv[3];
  if (argc == 2 && argv[1][0] != '-') dump = argv[1];
  if (dump == NULL) return fprintf(stderr, "usage: kps [-N KERNEL] DUMP\n"), 2;

  kvm_t *kd = kvm_openfiles(kernel, dump, NULL, O_RDONLY, why);
  if (kd == NULL) return fprintf(stderr, "kps: %s\n", why), 1;
  int count = 0;
  struct kinfo_proc *list = kvm_getprocs(kd, KERN_PROC_PROC, 0, &count);
  if (list == NULL) return fprintf(stderr, "kps: %s\n", kvm_geterr(kd)), 1;

  printf("%7s %7s %7s %4s %s\n", "PID", "PPID", "UID", "STAT", "COMMAND");
  for (int i = 0; i < count; ++i) {
    const struct kinfo_proc *p = &list[i];
    char **words = kvm_getargv(kd, p, 256);
    int state = p->ki_stat > 0 && p->ki_stat < 8 ? p->ki_stat : 0;
    printf("%7d %7d %7d %4c", (int)p->ki_pid, (int)p->ki_ppid, (int)p->ki_uid, states[state]);
    if (words == NULL) printf(" [%s]", shown(p->ki_comm));
    for (; words != NULL && *words != NULL; ++words) printf(" %s", shown(*words));
    printf("\n");
  }
  return kvm_close(kd) == 0 ? 0 : 1;
}
