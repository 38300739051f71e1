/*
 * The system call filter: an allow-list, loaded once by PID 1 and inherited by every program.
 *
 *     another architecture      ends the run (a 32-bit call would mean something else)
 *     fatal                     ends the run
 *     listed, with a condition  allowed if the condition holds, otherwise the errno that an ordinary refusal would give
 *     listed                    allowed
 *     refused by name           EPERM: programs expect that of calls which need rights
 *     everything else           ENOSYS: so libraries fall back as on an older kernel (clone3 -> clone)
 *
 * A call that ends the run is held (SECCOMP_RET_USER_NOTIF) until PID 1 has noted its number and killed everything: of a
 * process that the filter kills itself, nobody learns for which call. Only these few are held, so the others are as fast as
 * ever. Where somebody outside listens already (EBUSY: one listener a process), the filter kills, and the number is unknown.
 *
 * One filter for every language: loading another for each run costs 68 us (bench/RESULTS.md), and what compilers and
 * interpreters need is nearly everything here. So PID 1 lives under it too, and what PID 1 must be able to do is in the list.
 *
 * Three groups of conditions deserve their reason:
 *
 *   waking up    A stopped program must not be woken without a sender that runs: POSIX timers with a signal, F_SETSIG,
 *                O_ASYNC, FIOASYNC, leases, PDEATHSIG and mq_notify could deliver SIGCONT from the kernel.
 *   PID 1        is refused as a target by number. With two uids the kernel refuses already; with one uid this is the wall.
 *   accounting   Huge pages, SysV memory and filters of sockets are charged to nobody's memory group; io_uring works in threads of
 *                the kernel; a dump of core may start a program of the host.
 *
 * inotify is refused because files of the system are the same for all cells: it tells what others open.
 *
 * Conditions look at the lower 32 bits where the kernel does the same (commands of fcntl and ioctl, address families), at
 * both halves otherwise. Calls without conditions cost nothing: the kernel caches them in a bitmap (Linux 5.11).
 */
#include "seccomp.h"

#include <asm/unistd.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"
#include "retry.h"
#include "syscalls.h"
#include "weak.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "the filter knows x86_64 and aarch64"
#endif

#define MOST_INSTRUCTIONS 2048
#define OUT 255 /* a jump that leaves its rule; replaced by the distance */
#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct sock_filter program[MOST_INSTRUCTIONS];
static unsigned short length;

static void emit(struct sock_filter instruction) {
  if (length == MOST_INSTRUCTIONS) die(STEP_FILTER, 0, E2BIG, "more than %d instructions", MOST_INSTRUCTIONS);
  program[length++] = instruction;
}

static void load(uint32_t offset) { emit((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)); }
static void answer(uint32_t action) { emit((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action)); }
static void refuse(int error) { answer(SECCOMP_RET_ERRNO | (uint32_t)error); }

/* Skips `skipped` instructions unless the accumulator equals `value`. */
static void unless_equal(uint32_t value, uint8_t skipped) {
  emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped));
}

/* Leaves a rule from the middle; the distance is filled in when its end is known. */
static void unless(const struct test *test, unsigned short *exits, unsigned *count) {
  uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) + test->argument * sizeof(uint64_t));
  if (test->comparison == ALWAYS) return;
  load(test->comparison == HIGH_HALF_SET ? offset + 4 : offset);
  exits[(*count)++] = length;
  switch (test->comparison) {
    case EQUALS:
      return emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, test->value, 0, OUT));
    case DIFFERS:
      return emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, test->value, OUT, 0));
    case HAS_BITS:
      return emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, test->value, 0, OUT));
    case HIGH_HALF_SET:
      return emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, OUT, 0));
    case ALWAYS:
      return;
  }
}

static void add_rule(const struct rule *rule) {
  unsigned short exits[2];
  unsigned count = 0;
  const unsigned short begin = length;
  unless_equal(rule->call, OUT);
  for (int i = 0; i < 2; i++) unless(&rule->tests[i], exits, &count);
  if (rule->error) refuse(rule->error);
  else answer(SECCOMP_RET_ALLOW);
  for (unsigned i = 0; i < count; i++) {
    struct sock_filter *exit = &program[exits[i]];
    uint8_t *way = exit->jf == OUT ? &exit->jf : &exit->jt;
    *way = (uint8_t)(length - exits[i] - 1);
  }
  if (count) load(offsetof(struct seccomp_data, nr)); /* the tests have overwritten it */
  program[begin].jf = (uint8_t)(length - begin - 1);
}

static void add_calls(const uint32_t *calls, size_t count, int error) {
  for (size_t i = 0; i < count; i++) {
    unless_equal(calls[i], 1);
    if (error) refuse(error);
    else answer(SECCOMP_RET_ALLOW);
  }
}

static void add_fatal_calls(void) {
  for (size_t i = 0; i < COUNT(fatal_calls); i++) {
    unless_equal(fatal_calls[i].call, 1);
    answer(SECCOMP_RET_USER_NOTIF);
  }
}

static struct clone_pass pass;

struct clone_pass seccomp_clone_pass(void) { return pass; }

static void kill_instead_of_holding(void) {
  for (unsigned short i = 0; i < length; i++) {
    if (program[i].code == (BPF_RET | BPF_K) && program[i].k == SECCOMP_RET_USER_NOTIF) program[i].k = SECCOMP_RET_KILL_PROCESS;
  }
}

void seccomp_load(struct cell *cell) {
  cell->held_calls = -1;
  if (weakened("filter")) return;
  load(offsetof(struct seccomp_data, arch));
  emit((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
  answer(SECCOMP_RET_USER_NOTIF);
  load(offsetof(struct seccomp_data, nr));
  if (getrandom(pass.words, sizeof pass.words, 0) != sizeof pass.words) die(STEP_FILTER, 2, errno, "getrandom");
  add_rule(&(struct rule){__NR_clone3, ALLOW, {{EQUALS, 2, pass.words[0]}, {EQUALS, 3, pass.words[1]}}});
  for (size_t i = 0; i < COUNT(rules); i++) add_rule(&rules[i]);
  add_calls(allowed_calls, COUNT(allowed_calls), 0);
  add_calls(refused_calls, COUNT(refused_calls), EPERM);
  add_fatal_calls();
  refuse(ENOSYS);
  const struct sock_fprog loaded = {.len = length, .filter = program};
  cell->held_calls = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &loaded);
  if (cell->held_calls >= 0) return;
  if (errno != EBUSY) die(STEP_FILTER, 1, errno, "%u instructions", length);
  kill_instead_of_holding();
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded)) die(STEP_FILTER, 1, errno, "%u instructions", length);
}

bool seccomp_take_held(const struct cell *cell, int *number, const char **name) {
  struct seccomp_notif held = {0};
  if (RETRY(ioctl(cell->held_calls, SECCOMP_IOCTL_NOTIF_RECV, &held))) {
    if (errno == ENOENT) return false;
    die(STEP_WATCH, 4, errno, "a held system call");
  }
  *number = held.data.nr;
  *name = held.data.arch == ARCHITECTURE ? "unknown" : "of the 32-bit interface";
  for (size_t i = 0; held.data.arch == ARCHITECTURE && i < COUNT(fatal_calls); i++) {
    if ((int)fatal_calls[i].call == held.data.nr) *name = fatal_calls[i].name;
  }
  return true;
}
