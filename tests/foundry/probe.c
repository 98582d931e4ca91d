/* What module_files.py compiles: functions inlined in functions, code in sections of their own. */
typedef unsigned long word;

struct probe_state {
  word count;
  char name[24];
};
struct probe_state probe_state_now;

word outside(word value);
void stop(word value) __attribute__((noreturn, cold));

static inline __attribute__((always_inline)) word innermost(word value) {
  return outside(value * 3) + 1;
}

static inline __attribute__((always_inline)) word middle(word value) {
  word found = innermost(value + 7);
  if (found == 4) {
    stop(found);
  }
  return found ^ 5;
}

word probe_read(word value) {
  word sum = middle(value);
  sum += middle(sum) * value;
  return sum + value;
}

__attribute__((section(".text.rare"))) word probe_write(word value) {
  word kept = value ^ 9;
  return outside(value) + innermost(kept) * kept;
}

__attribute__((section(".init.text"))) word probe_start(word value) { return outside(value) + 3; }
