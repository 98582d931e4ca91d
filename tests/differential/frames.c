// Functions whose frames differ: their stack grows, they call, jump, return early, take many arguments.
typedef __SIZE_TYPE__ size;
extern void use(void *);
extern int other(int);

static inline __attribute__((always_inline)) int add(int a, int b) {
  if (a < b)
    return other(a + b);
  return a + b;
}

int leaf(int a) { return a * 3; }

int grows(int count) {
  char bytes[count];
  use(bytes);
  return bytes[count / 2];
}

int returns_early(int a) {
  int words[16];
  if (a > 3)
    return other(a);
  use(words);
  return words[a] + other(words[3]);
}

__attribute__((noinline)) int many(int a, int b, int c, int d, int e, int f, int g, int h, int i) {
  return add(other(a), b) + other(c) * other(d) - other(e + f) + other(g) * add(h, i);
}

int calls(int a) { return many(a, 1, 2, 3, 4, 5, 6, 7, 8) + add(a, other(a)); }

int aligned(int a) {
  int words[8] __attribute__((aligned(64)));
  use(words);
  return words[a];
}

int loops(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i)
    sum = add(sum, other(i));
  return sum;
}

int jumps(int a) { return other(a + 1); }
