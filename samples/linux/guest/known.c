/*
 * The whole userland of the sample guest. As /init it starts processes whose names, owners, threads and states
 * are known, says on the terminal that truth= names what the kernel shows of itself and of them, and lets one of their threads crash the kernel.
 *
 * The truth is one JSON object a line, "kind" first. Bytes outside printable ASCII stand as \u00XX, one escape a byte,
 * so that names that are not UTF-8 survive; the host turns them back. Nothing here may be read from the dump: every
 * value comes from /proc, /sys or /dev/kmsg of the running kernel.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_kexec_file_load /* i386 has none; only guests that load a crash kernel need it */
#define SYS_kexec_file_load -1
#endif

enum { kCrashPipe = 9, kCrashCpu = 0, kSpinCpu = 1 };

static FILE *out;

static void nap(long milliseconds) {
  struct timespec t = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
  while (nanosleep(&t, &t) != 0 && errno == EINTR) {
  }
}

static void give_up(const char *what) {
  int error = errno;
  if (out != NULL) {
    fprintf(out, "{\"kind\":\"failed\",\"what\":\"%s\",\"errno\":%d}\n", what, error);
    fflush(out);
    tcdrain(fileno(out));
  }
  fprintf(stderr, "guest: %s: %s\n", what, strerror(error));
  for (;;) pause();
}

/* ---- roles ---- */

static void name_me(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

static void sleep_forever(void) {
  for (;;) nap(1000000000);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) give_up("sched_setaffinity");
}

static void *named_thread(void *name) {
  name_me(name);
  sleep_forever();
  return NULL;
}

static void *locked_thread(void *name) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  name_me(name);
  pthread_mutex_lock(&mutex);
  pthread_mutex_lock(&mutex); /* a futex wait without end */
  return NULL;
}

static void start_thread(void *(*body)(void *), const char *name) {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  if (pthread_create(&thread, &attributes, body, (void *)name) != 0) give_up("pthread_create");
}

/* What the kernel's command line says behind `key`, which ends in '='; empty when it says nothing. */
static const char *option(const char *key) {
  static char line[4096];
  int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  ssize_t length = read(file, line, sizeof line - 1);
  close(file);
  line[length < 0 ? 0 : length] = '\0';
  char *at = strstr(line, key);
  return at == NULL ? "" : strtok(at + strlen(key), " \n");
}

static void fill_memory(void) {
  for (;;) {
    char *pages = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) give_up("mmap");
    memset(pages, 1, 1 << 20);
  }
}

static void *trigger_thread(void *name) {
  name_me(name);
  pin(kCrashCpu);
  char go;
  if (read(kCrashPipe, &go, 1) != 1) give_up("the crash pipe");
  const char *death = option("death=");
  if (strcmp(death, "out-of-memory") == 0) fill_memory();
  if (strcmp(death, "nmi") == 0 || strcmp(death, "init-killed") == 0) return NULL; /* others do it */
  if (*death != '\0') {
    int by = open("/sys/module/die/parameters/by", O_WRONLY);
    if (by < 0 || write(by, death, strlen(death)) < 0) give_up(death);
    return NULL;
  }
  int trigger = open("/proc/sysrq-trigger", O_WRONLY);
  if (trigger < 0 || write(trigger, "c", 1) != 1) give_up("/proc/sysrq-trigger");
  return NULL;
}

static int must(int result, const char *what) {
  if (result < 0) give_up(what);
  return result;
}

/* ---- files of every kind ---- */

static void make_file(const char *path, size_t length) {
  int file = must(open(path, O_CREAT | O_RDWR, 0640), path);
  for (size_t i = 0; i < length; i += 16) must((int)write(file, "0123456789abcde\n", 16), path);
  close(file);
}

static int bound_unix(int type, const char *path, size_t length) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  memcpy(address.sun_path, path, length);
  int end = must(socket(AF_UNIX, type, 0), "a unix socket");
  must(bind(end, (struct sockaddr *)&address, (socklen_t)(sizeof address.sun_family + length)), path);
  return end;
}

static int bound_inet(int type, const char *host, unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int end = must(socket(AF_INET, type, 0), "a socket");
  inet_pton(AF_INET, host, &address.sin_addr);
  must(bind(end, (struct sockaddr *)&address, sizeof address), host);
  return end;
}

static int bound_inet6(int type, const char *host, unsigned port) {
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  int end = socket(AF_INET6, type, 0), one = 1;
  if (end < 0) return end; /* a kernel without IPv6 */
  inet_pton(AF_INET6, host, &address.sin6_addr);
  setsockopt(end, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  must(bind(end, (struct sockaddr *)&address, sizeof address), host);
  return end;
}

static void connect_to(int end, int peer) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  must(getsockname(peer, (struct sockaddr *)&address, &length), "getsockname");
  must(connect(end, (struct sockaddr *)&address, length), "connect");
}

static void open_files(void) {
  int pair[2];
  mkdir("/mnt/folder", 0755);
  mkdir("/mnt/folder/deep er", 0755);
  make_file("/mnt/plain.txt", 8192);
  make_file("/mnt/gone", 16);
  make_file("/mnt/folder/deep er/odd \n\x1b[1m\xC3\xBC\xFF name", 64);
  int plain = must(open("/mnt/plain.txt", O_RDWR), "plain.txt");
  lseek(plain, 1234, SEEK_SET);
  must(flock(plain, LOCK_EX), "flock");
  int log = must(open("/mnt/append.log", O_CREAT | O_WRONLY | O_APPEND | O_SYNC, 0600), "append.log");
  must((int)write(log, "a line\n", 7), "append.log");
  struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 50};
  must(fcntl(log, F_SETLK, &range), "F_SETLK");
  must(open("/mnt/gone", O_RDONLY), "gone");
  unlink("/mnt/gone");
  must(open("/mnt/folder/deep er/odd \n\x1b[1m\xC3\xBC\xFF name", O_RDONLY | O_CLOEXEC), "the odd name");
  must(open("/mnt/folder/deep er", O_RDONLY | O_DIRECTORY), "a folder");
  must(open("/dev/null", O_RDWR), "/dev/null");
  must(open("/dev/zero", O_RDONLY | O_NONBLOCK), "/dev/zero");
  must(open("/proc/self/status", O_RDONLY), "/proc/self/status");
  must(open("/sys/kernel/uevent_seqnum", O_RDONLY), "/sys");
  must(open("/mnt", O_PATH), "O_PATH");
  must(pipe(pair), "pipe");
  must(mkfifo("/mnt/fifo", 0644), "mkfifo");
  must(open("/mnt/fifo", O_RDWR), "fifo");
  must(eventfd(3, 0), "eventfd");
  int poll = must(epoll_create1(0), "epoll");
  struct epoll_event event = {.events = EPOLLIN};
  must(epoll_ctl(poll, EPOLL_CTL_ADD, pair[0], &event), "epoll_ctl");
  must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  must(signalfd(-1, &set, 0), "signalfd");
  must(inotify_add_watch(must(inotify_init1(0), "inotify"), "/mnt", IN_CREATE), "inotify");
  must(memfd_create("shared words", 0), "memfd");
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
  must(listen(bound_unix(SOCK_STREAM, "/mnt/listening", 14), 5), "listen");
  bound_unix(SOCK_DGRAM, "\0abstract name", 14);
  int listening = bound_inet(SOCK_STREAM, "127.0.0.1", 8080), client = must(socket(AF_INET, SOCK_STREAM, 0), "tcp");
  must(listen(listening, 7), "listen");
  connect_to(client, listening);
  must(accept(listening, NULL, NULL), "accept");
  must((int)write(client, "unread", 6), "tcp");
  must(listen(bound_inet(SOCK_STREAM, "0.0.0.0", 22), 1), "listen");
  int resolver = bound_inet(SOCK_DGRAM, "127.0.0.1", 5353), asking = must(socket(AF_INET, SOCK_DGRAM, 0), "udp");
  connect_to(asking, resolver);
  int six = bound_inet6(SOCK_STREAM, "::", 8081);
  if (six >= 0) {
    must(listen(six, 3), "listen");
    int other = must(socket(AF_INET6, SOCK_STREAM, 0), "tcp6");
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(8081), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    must(connect(other, (struct sockaddr *)&to, sizeof to), "tcp6");
    bound_inet6(SOCK_DGRAM, "::1", 5354);
  }
  must(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), "a raw socket");
  must(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
  must(dup2(plain, 200), "dup2");
}

/* Mappings of every kind, and pages in the swap area. */
static void map_memory(void) {
  const size_t size = 256 << 10;
  make_file("/mnt/mapped", 65536);
  int file = must(open("/mnt/mapped", O_RDWR), "mapped"), memory = must(memfd_create("mapped words", 0), "memfd");
  must(ftruncate(memory, (off_t)size), "ftruncate");
  mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, file, 4096);
  mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *locked = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mlock(locked, 8192);
  char *named = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  prctl(0x53564d41 /* PR_SET_VMA */, 0 /* PR_SET_VMA_ANON_NAME */, named, 8192, "panicroom");
  char *out_of_memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (size_t i = 0; i < size; i += 64) out_of_memory[i] = (char)(i >> 6);
  madvise(out_of_memory, size, 21 /* MADV_PAGEOUT */);
}

/* A session of its own with a controlling terminal. */
static void open_terminal(void) {
  mkdir("/dev/pts", 0755);
  if (mount("devpts", "/dev/pts", "devpts", 0, "ptmxmode=0666") != 0) give_up("devpts");
  int master = must(open("/dev/pts/ptmx", O_RDWR | O_NOCTTY), "ptmx"), number = 0, unlocked = 0;
  must(ioctl(master, TIOCGPTN, &number), "TIOCGPTN");
  must(ioctl(master, TIOCSPTLCK, &unlocked), "TIOCSPTLCK");
  must((int)setsid(), "setsid");
  char path[32];
  snprintf(path, sizeof path, "/dev/pts/%d", number);
  int terminal = must(open(path, O_RDWR), path);
  ioctl(terminal, TIOCSCTTY, 0);
  if (fork() == 0) {
    setpgid(0, 0);
    name_me("in-session");
  }
}

/* Never returns. `name` is the role; what the process calls itself is in the code, beside what it does. */
static void play(const char *role, const char *argument) {
  if (strcmp(role, "named") == 0) {
    name_me(argument);
  } else if (strcmp(role, "worker") == 0) {
    start_thread(named_thread, "worker-io");
    start_thread(named_thread, "worker net (2)");
    start_thread(locked_thread, "worker-locked");
    start_thread(named_thread, "w\xC3\xB6rker-\xE2\x82\xAC");
  } else if (strcmp(role, "many") == 0) {
    static char names[24][16];
    for (int i = 0; i < 24; ++i) {
      snprintf(names[i], sizeof names[i], "many-%02d", i);
      start_thread(named_thread, names[i]);
    }
  } else if (strcmp(role, "zombie") == 0) {
    name_me("zombie-parent");
    if (fork() == 0) {
      name_me("zombie-child");
      _exit(3);
    }
  } else if (strcmp(role, "leader-gone") == 0) {
    name_me("leader-gone");
    start_thread(named_thread, "survivor");
    syscall(SYS_exit, 0); /* the thread group's leader only */
  } else if (strcmp(role, "stopped") == 0) {
    name_me("stopped-proc");
    raise(SIGSTOP);
  } else if (strcmp(role, "traced") == 0) {
    name_me("tracer");
    if (fork() == 0) {
      name_me("tracee");
      ptrace(PTRACE_TRACEME, 0, NULL, NULL);
      raise(SIGSTOP);
      sleep_forever();
    }
  } else if (strcmp(role, "vfork") == 0) {
    name_me("dstate-parent");
    if (vfork() == 0) {
      name_me("vfork-child");
      for (;;) pause();
    }
  } else if (strcmp(role, "realtime") == 0) {
    name_me("rt-fifo42");
    struct sched_param priority = {.sched_priority = 42};
    if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0) give_up("sched_setscheduler");
  } else if (strcmp(role, "batch") == 0) {
    name_me("batch-nice19");
    struct sched_param priority = {.sched_priority = 0};
    sched_setscheduler(0, SCHED_BATCH, &priority);
    setpriority(PRIO_PROCESS, 0, 19);
  } else if (strcmp(role, "namespace") == 0) {
    name_me("ns-parent");
    if (unshare(CLONE_NEWPID) != 0) give_up("unshare");
    if (fork() == 0) name_me("ns-init");
  } else if (strcmp(role, "piped") == 0) {
    int ends[2];
    char byte;
    name_me("pipe-reader");
    if (pipe(ends) != 0 || read(ends[0], &byte, 1) < 0) give_up("pipe");
  } else if (strcmp(role, "files") == 0) {
    name_me("open-files");
    open_files();
  } else if (strcmp(role, "maps") == 0) {
    name_me("mapper");
    map_memory();
  } else if (strcmp(role, "terminal") == 0) {
    name_me("session-leader");
    open_terminal();
  } else if (strcmp(role, "jailed") == 0) {
    name_me("jailed");
    mkdir("/mnt/root", 0755);
    mkdir("/mnt/root/home", 0755);
    if (chroot("/mnt/root") != 0 || chdir("/home") != 0) give_up("chroot");
    must(open("/home", O_RDONLY | O_DIRECTORY), "/home");
  } else if (strcmp(role, "apart") == 0) {
    name_me("apart");
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET) != 0) give_up("unshare");
    mkdir("/mnt/apart", 0755);
    mount("apart", "/mnt/apart", "tmpfs", MS_RDONLY | MS_NOEXEC | MS_NOATIME, "size=64k");
    if (chdir("/mnt/apart") != 0) give_up("chdir");
    sethostname("elsewhere", 9);
  } else if (strcmp(role, "orphan") == 0) {
    if (fork() != 0) _exit(0); /* init takes the child over: its ppid is 1, its real parent is gone */
    name_me("orphan");
  } else if (strcmp(role, "spin") == 0) {
    name_me("spinner");
    pin(kSpinCpu);
    for (volatile uint64_t i = 0;; ++i) {
    }
  } else if (strcmp(role, "crash") == 0) {
    name_me("crasher");
    start_thread(trigger_thread, "trigger");
  } else {
    give_up("an unknown role");
  }
  sleep_forever();
}

static pid_t start(const char *role, const char *argument, uid_t uid) {
  pid_t pid = fork();
  if (pid < 0) give_up("fork");
  if (pid == 0) {
    setenv("ROLE", role, 1);
    setenv("ODD", "two words=\n\x1b[1m\xC3\xBC\xFF", 1);
    if (uid != 0 && (setgid(uid) != 0 || setuid(uid) != 0)) give_up("setuid");
    execl("/init", "known", role, argument, (char *)NULL);
    give_up("exec");
  }
  return pid;
}

/* ---- the truth ---- */

static void put_string(const char *bytes, size_t length) {
  fputc('"', out);
  for (size_t i = 0; i < length; ++i) {
    unsigned char c = (unsigned char)bytes[i];
    if (c == '"' || c == '\\') {
      fprintf(out, "\\%c", c);
    } else if (c < 0x20 || c >= 0x7f) {
      fprintf(out, "\\u%04x", c);
    } else {
      fputc(c, out);
    }
  }
  fputc('"', out);
}

static void put_field(const char *key, const char *text) {
  fprintf(out, ",\"%s\":", key);
  put_string(text, strlen(text));
}

/* The whole of a /proc file, NUL-terminated; the caller frees it. NULL when it cannot be read. */
static char *slurp(const char *path, size_t *length) {
  int file = open(path, O_RDONLY);
  if (file < 0) return NULL;
  size_t size = 0, room = 65536;
  char *text = malloc(room);
  for (;;) {
    if (text == NULL) give_up("malloc");
    ssize_t got = read(file, text + size, room - size - 1);
    if (got <= 0) break;
    size += (size_t)got;
    if (room - size < 4096) text = realloc(text, room *= 2);
  }
  close(file);
  text[size] = 0;
  if (length != NULL) *length = size;
  return text;
}

static void put_file(const char *kind, const char *path) {
  size_t length;
  char *text = slurp(path, &length);
  if (text == NULL) return;
  fprintf(out, "{\"kind\":\"%s\",\"text\":", kind);
  put_string(text, length);
  fputs("}\n", out);
  free(text);
}

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t length) {
  const unsigned char *p = bytes;
  for (size_t i = 0; i < length; ++i) hash = (hash ^ p[i]) * 0x100000001b3u;
  return hash;
}

#define FNV_START UINT64_C(0xcbf29ce484222325)

static void put_kernel(void) {
  struct utsname uts;
  uname(&uts);
  fputs("{\"kind\":\"kernel\"", out);
  put_field("sysname", uts.sysname);
  put_field("nodename", uts.nodename);
  put_field("release", uts.release);
  put_field("version", uts.version);
  put_field("machine", uts.machine);
  char *banner = slurp("/proc/version", NULL);
  put_field("banner", banner);
  free(banner);
  fprintf(out, ",\"page_size\":%ld,\"cpus_online\":%ld,\"time\":%lld}\n", sysconf(_SC_PAGESIZE),
          sysconf(_SC_NPROCESSORS_ONLN), (long long)time(NULL));
  put_file("cmdline", "/proc/cmdline");
  put_file("iomem", "/proc/iomem");
  put_file("modules", "/proc/modules");
  put_file("mounts", "/proc/mounts");
  put_file("vmcoreinfo", "/sys/kernel/vmcoreinfo");
  size_t length;
  char *btf = slurp("/sys/kernel/btf/vmlinux", &length);
  if (btf != NULL) {
    fprintf(out, "{\"kind\":\"btf\",\"bytes\":%zu,\"fnv1a\":\"%016llx\"}\n", length,
            (unsigned long long)fnv1a(FNV_START, btf, length));
    free(btf);
  }
}

/* Lines with a module's name in brackets are counted apart: modules keep their own tables. */
static void put_kallsyms(void) {
  static const char *const wanted[] = {"_stext",       "_text",        "_etext",      "linux_banner", "init_task",
                                       "schedule",     "__switch_to",  "phys_base",   "prb",          "log_buf",
                                       "panic_cpu",    "__start_BTF",  "__stop_BTF",  "runqueues",    "init_top_pgt",
                                       "current_task", "page_offset_base", "vmemmap_base", "vmalloc_base",
                                       "init_pid_ns",  "modules",      "sysrq_handle_crash", "panic",
                                       "__per_cpu_offset", "init_uts_ns", "swapper_pg_dir"};
  FILE *file = fopen("/proc/kallsyms", "r");
  if (file == NULL) give_up("/proc/kallsyms");
  char line[1024];
  unsigned long core = 0, module = 0;
  uint64_t hash = FNV_START;
  while (fgets(line, sizeof line, file) != NULL) {
    if (strchr(line, '[') != NULL) {
      ++module;
      continue;
    }
    hash = fnv1a(hash, line, strlen(line));
    char address[32], type, name[512];
    if (sscanf(line, "%31s %c %511s", address, &type, name) != 3) give_up("a kallsyms line");
    int keep = core % 500 == 0;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; ++i) keep |= strcmp(name, wanted[i]) == 0;
    if (keep) {
      fprintf(out, "{\"kind\":\"symbol\",\"index\":%lu,\"address\":\"0x%s\",\"type\":\"%c\"", core, address, type);
      put_field("name", name);
      fputs("}\n", out);
    }
    ++core;
  }
  fclose(file);
  fprintf(out, "{\"kind\":\"kallsyms\",\"core\":%lu,\"module\":%lu,\"fnv1a_core_lines\":\"%016llx\"}\n", core, module,
          (unsigned long long)hash);
}

static void put_log(void) {
  int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
  if (log < 0) give_up("/dev/kmsg");
  char record[8192];
  for (;;) {
    ssize_t got = read(log, record, sizeof record - 1);
    if (got < 0 && errno == EPIPE) continue; /* records were overwritten while we read */
    if (got <= 0) break;
    record[got] = 0;
    unsigned priority;
    unsigned long long sequence, microseconds;
    char *text = strchr(record, ';');
    if (text == NULL || sscanf(record, "%u,%llu,%llu", &priority, &sequence, &microseconds) != 3) {
      give_up("a /dev/kmsg record");
    }
    /* A dictionary follows as lines that begin with a space; the text itself has its bytes escaped as \xNN. */
    char *end = strchr(++text, '\n');
    if (end != NULL) *end = 0;
    fprintf(out, "{\"kind\":\"log\",\"sequence\":%llu,\"level\":%u,\"facility\":%u,\"microseconds\":%llu", sequence,
            priority & 7, priority >> 3, microseconds);
    put_field("text", text);
    fputs("}\n", out);
  }
  close(log);
}

static void put_stack(const char *folder) {
  char path[64];
  snprintf(path, sizeof path, "%s/stack", folder);
  char *text = slurp(path, NULL);
  if (text == NULL) return;
  fputs(",\"stack\":[", out);
  const char *comma = "";
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
    char *name = strstr(line, "] "); /* "[<0>] symbol+0x12/0x34" */
    if (name == NULL) continue;
    fputs(comma, out);
    put_string(name + 2, strlen(name + 2));
    comma = ",";
  }
  fputc(']', out);
  free(text);
}

/* One task from its stat file (fields of proc(5)); `kind` is process or thread. False when it is gone meanwhile. */
static int put_task(const char *kind, const char *folder, int pid) {
  char path[64];
  snprintf(path, sizeof path, "%s/stat", folder);
  char *stat = slurp(path, NULL);
  if (stat == NULL) return 0;
  char *name = strchr(stat, '('), *rest = strrchr(stat, ')');
  if (name == NULL || rest == NULL) {
    free(stat);
    return 0;
  }
  *rest = 0;
  char state;
  int ppid, group, session, threads;
  unsigned flags, cpu, rt_priority, policy;
  long priority, nice;
  unsigned long long start;
  int got = sscanf(rest + 2,
                   "%c %d %d %d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %ld %ld %d %*d %llu %*u %*d %*u %*u %*u %*u "
                   "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %u %u %u",
                   &state, &ppid, &group, &session, &flags, &priority, &nice, &threads, &start, &cpu, &rt_priority,
                   &policy);
  if (got != 12) give_up("a stat line");
  int tid = atoi(stat);
  fprintf(out, "{\"kind\":\"%s\",\"pid\":%d,\"tid\":%d,\"ppid\":%d,\"pgid\":%d,\"sid\":%d,\"state\":\"%c\"", kind, pid,
          tid, ppid, group, session, state);
  fprintf(out, ",\"flags\":%u,\"priority\":%ld,\"nice\":%ld,\"rt_priority\":%u,\"policy\":%u,\"cpu\":%u", flags,
          priority, nice, rt_priority, policy, cpu);
  fprintf(out, ",\"start_ticks\":%llu,\"threads\":%d", start, threads);
  put_field("comm", name + 1);
  free(stat);
  snprintf(path, sizeof path, "%s/status", folder);
  char *status = slurp(path, NULL);
  if (status != NULL) {
    unsigned uid, euid, gid, egid;
    char *line = strstr(status, "\nUid:");
    if (line != NULL && sscanf(line, "\nUid: %u %u", &uid, &euid) == 2) {
      fprintf(out, ",\"uid\":%u,\"euid\":%u", uid, euid);
    }
    line = strstr(status, "\nGid:");
    if (line != NULL && sscanf(line, "\nGid: %u %u", &gid, &egid) == 2) {
      fprintf(out, ",\"gid\":%u,\"egid\":%u", gid, egid);
    }
    free(status);
  }
  if (strcmp(kind, "process") == 0) {
    size_t length;
    snprintf(path, sizeof path, "%s/cmdline", folder);
    char *cmdline = slurp(path, &length);
    if (cmdline != NULL) {
      fputs(",\"cmdline\":", out);
      put_string(cmdline, length);
      free(cmdline);
    }
  } else {
    put_stack(folder);
  }
  fputs("}\n", out);
  return 1;
}

static void put_link(const char *key, const char *path) {
  char target[4096];
  ssize_t length = readlink(path, target, sizeof target);
  if (length < 0) return;
  fprintf(out, ",\"%s\":", key);
  put_string(target, (size_t)length);
}

static void put_text(const char *key, const char *path) {
  size_t length;
  char *text = slurp(path, &length);
  if (text == NULL) return;
  fprintf(out, ",\"%s\":", key);
  put_string(text, length);
  free(text);
}

/* The file "NAME.../fd/3" with its place, flags and inode. */
static void put_open_file(const char *folder, int pid, int fd) {
  char path[128];
  struct stat facts;
  fprintf(out, "{\"kind\":\"file\",\"pid\":%d,\"fd\":%d", pid, fd);
  snprintf(path, sizeof path, "%s/fd/%d", folder, fd);
  put_link("target", path);
  if (stat(path, &facts) == 0) {
    fprintf(out, ",\"mode\":%u,\"inode\":%llu,\"size\":%lld,\"device\":%llu,\"special\":%llu", facts.st_mode,
            (unsigned long long)facts.st_ino, (long long)facts.st_size, (unsigned long long)facts.st_dev,
            (unsigned long long)facts.st_rdev);
  }
  snprintf(path, sizeof path, "%s/fdinfo/%d", folder, fd);
  put_text("info", path);
  fputs("}\n", out);
}

static int by_number(const struct dirent **a, const struct dirent **b) { return atoi((*a)->d_name) - atoi((*b)->d_name); }
static int is_number(const struct dirent *entry) { return entry->d_name[0] >= '1' && entry->d_name[0] <= '9'; }
static int is_digit(const struct dirent *entry) { return entry->d_name[0] >= '0' && entry->d_name[0] <= '9'; }

/* What else /proc shows of a process. */
static void put_details(const char *folder, int pid) {
  static const char *const texts[] = {"environ", "maps", "status", "stat", "statm", "mountinfo", "wchan", "limits"};
  static const char *const links[] = {"cwd", "root", "exe", "ns/mnt", "ns/net", "ns/pid", "ns/uts", "ns/ipc", "ns/user"};
  char path[128];
  fprintf(out, "{\"kind\":\"detail\",\"pid\":%d", pid);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; ++i) {
    snprintf(path, sizeof path, "%s/%s", folder, texts[i]);
    put_text(texts[i], path);
  }
  for (size_t i = 0; i < sizeof links / sizeof *links; ++i) {
    snprintf(path, sizeof path, "%s/%s", folder, links[i]);
    put_link(links[i], path);
  }
  fputs("}\n", out);
  snprintf(path, sizeof path, "%s/fd", folder);
  struct dirent **fds;
  int count = scandir(path, &fds, is_digit, by_number);
  for (int i = 0; i < count; ++i) put_open_file(folder, pid, atoi(fds[i]->d_name));
}

/* The whole machine's state, as late as possible. */
static void put_state(void) {
  static const char *const files[] = {
      "meminfo", "loadavg", "swaps", "stat", "vmstat", "zoneinfo", "buddyinfo", "slabinfo", "interrupts", "locks",
      "uptime",  "net/tcp", "net/tcp6", "net/udp", "net/udp6", "net/unix", "net/raw", "net/netlink", "net/packet",
      "net/dev", "net/route", "net/sockstat", "partitions", "filesystems", "devices", "misc", "schedstat", "vmallocinfo"};
  char path[64];
  for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
    size_t length;
    snprintf(path, sizeof path, "/proc/%s", files[i]);
    char *text = slurp(path, &length);
    if (text == NULL) continue;
    fputs("{\"kind\":\"state\"", out);
    put_field("name", files[i]);
    fputs(",\"text\":", out);
    put_string(text, length);
    fputs("}\n", out);
    free(text);
  }
}

/* One variable of /proc/sys that can be read; those that are computed may say something else each time. */
static int put_sysctl(const char *path, const struct stat *status, int kind, struct FTW *place) {
  (void)place;
  if (kind != FTW_F || (status->st_mode & 0444) == 0) return 0;
  size_t length;
  char *text = slurp(path, &length);
  if (text == NULL || length == 0) { /* not for reading, or not yet set */
    free(text);
    return 0;
  }
  fputs("{\"kind\":\"sysctl\"", out);
  put_field("name", path + strlen("/proc/sys/"));
  fputs(",\"text\":", out);
  put_string(text, length);
  fputs("}\n", out);
  free(text);
  return 0;
}

static void put_tasks(void) {
  struct dirent **pids;
  int count = scandir("/proc", &pids, is_number, by_number);
  for (int i = 0; i < count; ++i) {
    char folder[64], task[64];
    int pid = atoi(pids[i]->d_name);
    snprintf(folder, sizeof folder, "/proc/%d", pid);
    if (!put_task("process", folder, pid)) continue;
    snprintf(task, sizeof task, "/proc/%d/task", pid);
    struct dirent **tids;
    int threads = scandir(task, &tids, is_number, by_number);
    for (int j = 0; j < threads; ++j) {
      snprintf(task, sizeof task, "/proc/%d/task/%d", pid, atoi(tids[j]->d_name));
      put_task("thread", task, pid);
    }
    put_details(folder, pid);
  }
}

/* ---- init ---- */

static void load_module(const char *path) {
  int module = open(path, O_RDONLY | O_CLOEXEC);
  if (module < 0) return;
  if (syscall(SYS_finit_module, module, "", 0) != 0) give_up(path);
  close(module);
}

static void set_up(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mkdir("/mnt", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sysfs", "/sys", "sysfs", 0, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  mount("scratch", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m");
  int console = open("/dev/console", O_RDWR);
  if (console >= 0) {
    for (int fd = 0; fd < 3; ++fd) dup2(console, fd);
  }
  char terminal[64];
  const char *truth = getenv("truth"); /* the kernel hands it over from its command line */
  snprintf(terminal, sizeof terminal, "/dev/%s", truth != NULL ? truth : "ttyS1");
  out = fopen(terminal, "w");
  if (out == NULL) give_up(terminal);
  struct termios line;
  if (tcgetattr(fileno(out), &line) != 0) give_up("tcgetattr");
  cfmakeraw(&line);
  cfsetspeed(&line, B115200);
  tcsetattr(fileno(out), TCSANOW, &line);
  fcntl(fileno(out), F_SETFD, FD_CLOEXEC);
  sethostname("panicroom-guest", 15);
  int knob = open("/proc/sys/kernel/kptr_restrict", O_WRONLY);
  if (knob < 0 || write(knob, "0", 1) != 1) give_up("kptr_restrict");
  close(knob);
  knob = open("/proc/sys/kernel/sysrq", O_WRONLY);
  if (knob < 0 || write(knob, "1", 1) != 1) give_up("sysrq");
  close(knob);
  int any = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  if (any < 0 || ioctl(any, SIOCSIFFLAGS, &loopback) != 0) give_up("the loopback interface");
  close(any);
  load_module("/die.ko");
  load_module("/qemu_fw_cfg.ko"); /* loading it tells QEMU where VMCOREINFO is */
}

/* ---- kdump: a second kernel that the first one starts when it crashes ---- */

/* The modules of a virtio disk, in the order in which they need each other. */
static const char *const disk_modules[] = {"/virtio_ring.ko",           "/virtio.ko",     "/virtio_pci_legacy_dev.ko",
                                           "/virtio_pci_modern_dev.ko", "/virtio_pci.ko", "/virtio_blk.ko"};

static void load_disk(void) {
  for (size_t i = 0; i < sizeof disk_modules / sizeof *disk_modules; ++i) load_module(disk_modules[i]);
}

/* A machine with a disk swaps to it; a swap area is one page of header (Linux, include/linux/swap.h) and pages. */
static void start_swapping(void) {
  static union {
    char bytes[4096];
    struct {
      char boot[1024];
      uint32_t version, last_page, bad_pages;
    };
  } header;
  load_disk();
  int disk = open("/dev/vda", O_RDWR);
  if (disk < 0) return;
  header.version = 1;
  header.last_page = (uint32_t)(lseek(disk, 0, SEEK_END) / 4096 - 1);
  memcpy(header.bytes + 4086, "SWAPSPACE2", 10);
  if (pwrite(disk, header.bytes, sizeof header.bytes, 0) != sizeof header.bytes) give_up("the swap area");
  close(disk);
  if (swapon("/dev/vda", SWAP_FLAG_PREFER | 7) != 0) give_up("swapon");
}

/* When the archive holds a crash kernel: into the memory that crashkernel= keeps free. */
static void load_crash_kernel(void) {
  int kernel = open("/crash-kernel", O_RDONLY | O_CLOEXEC), archive = open("/crash-initrd", O_RDONLY | O_CLOEXEC);
  if (kernel < 0 || archive < 0) return;
  static const char command_line[] = "console=ttyS0 truth=ttyS1 nr_cpus=1 reset_devices panic=-1";
  if (syscall(SYS_kexec_file_load, kernel, archive, sizeof command_line, command_line, 2 /* KEXEC_FILE_ON_CRASH */) != 0) {
    give_up("kexec_file_load");
  }
  close(kernel);
  close(archive);
  unlink("/crash-kernel"); /* its pages are free again */
  unlink("/crash-initrd");
}

/* The crash kernel's init: /proc/vmcore as it is, onto the disk. */
static void save_vmcore(int vmcore) {
  load_disk();
  int disk = -1;
  for (int tries = 0; tries < 100 && disk < 0; ++tries, nap(100)) disk = open("/dev/vda", O_WRONLY);
  if (disk < 0) give_up("/dev/vda");
  static char block[1 << 20];
  unsigned long long saved = 0;
  for (;;) {
    ssize_t got = read(vmcore, block, sizeof block);
    if (got < 0) give_up("/proc/vmcore");
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      ssize_t wrote = write(disk, block + done, (size_t)(got - done));
      if (wrote <= 0) give_up("the disk");
      done += wrote;
    }
    saved += (unsigned long long)got;
  }
  if (fsync(disk) != 0) give_up("fsync");
  fprintf(out, "{\"kind\":\"saved\",\"bytes\":%llu}\n", saved);
  fflush(out);
  tcdrain(fileno(out));
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc >= 3) play(argv[1], argv[2]);
  if (getpid() != 1) return 2;
  set_up();
  int vmcore = open("/proc/vmcore", O_RDONLY);
  if (vmcore >= 0) save_vmcore(vmcore);
  load_crash_kernel();
  start_swapping();

  static const struct {
    const char *role, *argument;
    uid_t uid;
  } cast[] = {
      {"named", "plain", 0},
      {"named", "alice-daemon", 1000},
      {"named", "nobody-proc", 65534},
      {"named", "big-uid", 4000000000u},
      {"named", "two words", 0},
      {"named", " spaces around ", 0},
      {"named", "par(en)(theses", 0},
      {"named", ") S 1 1 (", 0},
      {"named", "new\nline\ttab", 0},
      {"named", "\x1b[31mred", 0},
      {"named", "quote\"back\\sl,", 0},
      {"named", "<b>&amp;", 0},
      {"named", "\xC3\xBCn\xC3\xAF-\xE2\x9C\x93", 0},
      {"named", "cut-in-utf8-ab\xE2\x82\xAC", 0}, /* the kernel keeps 15 bytes: the last is half a character */
      {"named", "fifteen-chars-x", 0},
      {"named", "longer-than-fifteen-chars", 0},
      {"named", "", 0},
      {"worker", "--threads=4", 1000},
      {"many", "24", 0},
      {"zombie", "", 0},
      {"leader-gone", "", 0},
      {"stopped", "", 0},
      {"traced", "", 0},
      {"vfork", "", 0},
      {"realtime", "", 0},
      {"batch", "", 0},
      {"namespace", "", 0},
      {"piped", "", 0},
      {"files", "", 0},
      {"maps", "", 1000},
      {"terminal", "", 0},
      {"jailed", "", 0},
      {"apart", "", 0},
  };
  for (size_t i = 0; i < sizeof cast / sizeof *cast; ++i) start(cast[i].role, cast[i].argument, cast[i].uid);
  waitpid(start("orphan", "", 0), NULL, 0);

  int crash[2];
  if (pipe(crash) != 0 || dup2(crash[0], kCrashPipe) < 0) give_up("pipe");
  pid_t crasher = start("crash", "", 0);

  /* Of a death of its own the truth is what was asked for: the rest is told by the other guests. */
  int brief = *option("death=") != '\0';
  put_kernel();
  if (!brief) {
    put_kallsyms();
    put_log();
  }
  fflush(out);
  pid_t spinner = start("spin", "", 0);
  nap(1500); /* until everyone sleeps where it will stay */
  fprintf(out, "{\"kind\":\"crash\",\"pid\":%d,\"thread\":\"trigger\",\"cpu\":%d,\"spinner\":%d,\"spinner_cpu\":%d}\n",
          crasher, kCrashCpu, spinner, kSpinCpu);
  if (!brief) {
    put_tasks();
    put_state();
    nftw("/proc/sys", put_sysctl, 16, FTW_PHYS);
  }
  fputs("{\"kind\":\"end\"}\n", out);
  fflush(out);
  tcdrain(fileno(out));
  nap(200);
  if (write(crash[1], "!", 1) != 1) give_up("the crash pipe");
  if (strcmp(option("death="), "init-killed") == 0) _exit(7);
  for (;;) pause();
}
