// SPDX-License-Identifier: GPL-2.0
/*
 * Lets the guest's kernel die in the way that is written to /sys/module/die/parameters/by. Each way has functions of
 * its own whose names tell it: they are the truth about the stacks.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

struct victim {
  long before[2];
  int value; /* at 16 */
};

static struct victim *volatile nobody;

static noinline void die_null_dereference(void) { nobody->value = 42; }

static volatile int die_seen;

static noinline void die_read_far(void) {
  struct victim *far = (struct victim *)0xdead000000000100ul; /* as LIST_POISON1: no canonical address */
  OPTIMIZER_HIDE_VAR(far);
  die_seen = far->value;
}

static noinline void die_read_unmapped(void) {
  struct victim *gone = (struct victim *)0xffffc87654320000ul; /* in the vmalloc area, where nothing is */
  OPTIMIZER_HIDE_VAR(gone);
  die_seen = gone->value;
}

static noinline void die_bug(void) { BUG(); }

static noinline void die_warn(void) { WARN(1, "die was asked to warn\n"); }

static noinline void die_call_null(void) {
  void (*volatile nothing)(void) = NULL;
  nothing();
}

static noinline void die_divide(void) {
  die_seen = 100 / die_seen;
}

static noinline int die_recurse(int depth) {
  volatile char room[256];
  room[depth & 255] = (char)depth;
  return die_recurse(depth + 1) + room[(depth + 1) & 255];
}

static noinline void die_free_twice(void) {
  void *object = kmalloc(192, GFP_KERNEL);
  kfree(object);
  kfree(object);
  die_seen = 1; /* else the second call is a jump, and this function in no stack */
}

static noinline void die_spin(void) {
  preempt_disable();
  for (;;) cpu_relax();
}

static DEFINE_MUTEX(die_left);
static DEFINE_MUTEX(die_right);
static DEFINE_MUTEX(die_kept);
static DECLARE_RWSEM(die_shared);
static DECLARE_COMPLETION(die_never);
static DECLARE_COMPLETION(die_has_left);
static DECLARE_COMPLETION(die_has_right);

static noinline int die_left_then_right(void *unused) {
  mutex_lock(&die_left);
  complete(&die_has_left);
  wait_for_completion(&die_has_right);
  mutex_lock(&die_right);
  return 0;
}

static noinline int die_right_then_left(void *unused) {
  mutex_lock(&die_right);
  complete(&die_has_right);
  wait_for_completion(&die_has_left);
  mutex_lock(&die_left);
  return 0;
}

/* Keeps both locks and sleeps so that the watchdog for hung tasks does not mind. */
static noinline int die_keeper(void *unused) {
  mutex_lock(&die_kept);
  down_write(&die_shared);
  complete(&die_has_left);
  wait_for_completion_interruptible(&die_never);
  return 0;
}

static noinline int die_starved(void *unused) {
  mutex_lock(&die_kept);
  return 0;
}

static noinline int die_reader(void *unused) {
  down_read(&die_shared);
  return 0;
}

static DEFINE_RAW_SPINLOCK(die_spin_left);
static DEFINE_RAW_SPINLOCK(die_spin_right);
static atomic_t die_holding = ATOMIC_INIT(0);

/* Each on a processor of its own, with interrupts on: the watchdog for soft lockups finds them. */
static noinline int die_spin_left_then_right(void *unused) {
  raw_spin_lock(&die_spin_left);
  atomic_inc(&die_holding);
  while (atomic_read(&die_holding) < 2) cpu_relax();
  raw_spin_lock(&die_spin_right);
  return 0;
}

static noinline int die_spin_right_then_left(void *unused) {
  raw_spin_lock(&die_spin_right);
  atomic_inc(&die_holding);
  while (atomic_read(&die_holding) < 2) cpu_relax();
  raw_spin_lock(&die_spin_left);
  return 0;
}

static noinline void die_of_spinning(void) {
  struct task_struct *left = kthread_create(die_spin_left_then_right, NULL, "die-spin-left");
  struct task_struct *right = kthread_create(die_spin_right_then_left, NULL, "die-spin-right");
  kthread_bind(left, 0);
  kthread_bind(right, 1);
  wake_up_process(left);
  wake_up_process(right);
}

static noinline void die_of_deadlock(void) {
  kthread_run(die_left_then_right, NULL, "die-left");
  kthread_run(die_right_then_left, NULL, "die-right");
}

static noinline void die_of_hunger(void) {
  int i;
  kthread_run(die_keeper, NULL, "die-keeper");
  wait_for_completion(&die_has_left);
  for (i = 0; i < 3; ++i) {
    kthread_run(die_starved, NULL, "die-starved-%d", i);
    msleep(50); /* the waiters come in this order */
  }
  kthread_run(die_reader, NULL, "die-reader");
}

static int die_by(const char *way, const struct kernel_param *unused) {
  if (sysfs_streq(way, "null-dereference")) die_null_dereference();
  else if (sysfs_streq(way, "general-protection")) die_read_far();
  else if (sysfs_streq(way, "bad-pointer")) die_read_unmapped();
  else if (sysfs_streq(way, "null-call")) die_call_null();
  else if (sysfs_streq(way, "bug")) die_bug();
  else if (sysfs_streq(way, "warning")) die_warn();
  else if (sysfs_streq(way, "divide")) die_divide();
  else if (sysfs_streq(way, "stack-overflow")) die_recurse(0);
  else if (sysfs_streq(way, "double-free")) die_free_twice();
  else if (sysfs_streq(way, "soft-lockup")) die_spin();
  else if (sysfs_streq(way, "deadlock")) die_of_deadlock();
  else if (sysfs_streq(way, "spin-deadlock")) die_of_spinning();
  else if (sysfs_streq(way, "hung-task")) die_of_hunger();
  else return -EINVAL;
  return 0;
}

static const struct kernel_param_ops die_ops = {.set = die_by};
module_param_cb(by, &die_ops, NULL, 0200);
MODULE_DESCRIPTION("Ways for a kernel to die");
MODULE_LICENSE("GPL");
