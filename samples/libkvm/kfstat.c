/* The open files of a dead kernel's processes: kfstat [-N KERNEL] DUMP. DragonFly's face of kvm(3). */
#include <fcntl.h>
#include <kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/kinfo.h>

int main(int argc, char **argv) {
  static const char *const types[] = {"?", "vnode", "socket", "pipe", "fifo", "kqueue"};
  const char *kernel = NULL, *dump = NULL;
  char why[2048];
  if (argc == 4 && strcmp(argv[1], "-N") == 0) kernel = argv[2], dump = argv[3];
  if (argc == 2 && argv[1][0] != '-') dump = argv[1];
  if (dump == NULL) return fprintf(stderr, "usage: kfstat [-N KERNEL] DUMP\n"), 2;

  kvm_t *kd = kvm_openfiles(kernel, dump, NULL, O_RDONLY, why);
  if (kd == NULL) return fprintf(stderr, "kfstat: %s\n", why), 1;
  int count = 0;
  struct kinfo_file *list = kvm_getfiles(kd, 0, 0, &count);
  if (list == NULL) return fprintf(stderr, "kfstat: %s\n", kvm_geterr(kd)), 1;

  printf("%7s %7s %5s %-7s %-2s %12s %s\n", "PID", "UID", "FD", "TYPE", "RW", "OFFSET", "FILE");
  for (int i = 0; i < count; ++i) {
    const struct kinfo_file *f = &list[i];
    int type = f->f_type > 0 && f->f_type <= DTYPE_KQUEUE ? f->f_type : 0;
    printf("%7d %7d %5d %-7s %c%c %12lld %p\n", (int)f->f_pid, (int)f->f_uid, f->f_fd, types[type],
           f->f_flag & FREAD ? 'r' : '-', f->f_flag & FWRITE ? 'w' : '-', (long long)f->f_offset,
           f->f_file);
  }
  return kvm_close(kd) == 0 ? 0 : 1;
}
