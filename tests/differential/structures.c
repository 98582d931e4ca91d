// Structures that differential tests compile: each part of C that a layout can have.
typedef unsigned long size_type;
typedef int pid_kind;
typedef _Bool flag_kind;
struct list { struct list *next, *prev; };
union value { unsigned char bytes[16]; unsigned long words[2]; struct { short low, high; } halves; };
enum state { RUNNING = 0, STOPPED = 4, BROKEN = -1 };
enum positive { SMALL = 1, LARGE = 0x80000000u };
struct leaf { unsigned short id; const volatile int level; };
struct unknown;
struct bits {
  unsigned a : 1, b : 7, c : 12;
  unsigned : 0;
  int d : 31;
  unsigned long e : 33;
  unsigned char f : 3;
  enum state state : 4;
  flag_kind g : 1;
  pid_kind h : 9;
  long long i : 40;
  unsigned short tail;
};
struct __attribute__((packed)) packed { unsigned char a; unsigned b : 12; unsigned c : 20; unsigned long d; short e; };
struct operations {
  int (*open)(struct unknown *, const char *path, ...);
  void (*close)(void);
  void *restrict_less;
  double (*ratio)(float, long double);
};
struct task {
  unsigned char flag;
  struct { int hidden; union { long either; unsigned short or_else; }; };
  struct list tasks;
  pid_kind pid;
  char name[16];
  struct leaf leaves[3][2];
  unsigned low : 3;
  unsigned high : 7;
  int negative : 5;
  size_type *pointers[4];
  enum state state;
  union value value;
  signed char delta;
  struct { int x; struct { char y; } inner[2]; } points[2];
  volatile const struct unknown *opaque;
  unsigned __int128 wide;
  unsigned long tail[];
};
// What pahole writes in another way than C has it.
struct declarators {
  int (*(*nested)(void (*)(int)))(struct leaf);
  int (*matrix)[4][5];
  int (*table[3])(const struct list *const *);
};
struct empty_array { int count; char data[0]; int more; };
struct task *t;
struct bits bits;
struct packed packed;
struct operations operations;
struct declarators declarators;
struct empty_array empty_array;
union value value;
enum positive positive;
extern int declared_only[];
int variable[7];
static struct leaf kept __attribute__((used));
int *use(void) { return declared_only; }
