/*
 * When a stopped run would have woken.
 *
 * SIGSTOP takes a thread out of its sleep; when it goes on, the kernel sends it back to sleep until the same moment, or lets
 * it run if that has passed. Nobody outside is told that moment, so it is read from the arguments of the sleep: the call and
 * its registers stand in /proc/PID/syscall, the times in the program's memory. Interrupted, the kernel writes what is left of
 * a relative sleep there, if the program gave it a place to (sleep, std::this_thread::sleep_for). That it did is seen by the
 * change: a sleep that was over before the thread got a core to stop on leaves there what was there before. Without such a
 * place the sleep is taken to have begun with the stay on the lane, which is too early by less than the stay.
 *
 *     thread sleeps                            until its moment
 *     thread waits for another of the run      does not matter: the other one is asleep too
 *     thread waits for anything else           not known, and then nothing is said of the whole run
 *
 * Waits with a limit (poll with descriptors, futex) are such else: what they wait for might have come. select and ppoll need
 * nothing: they begin again with what was left, so that their sleep stands still too, and all of it is spent on lanes.
 *
 * A sleep that goes on after a stop is known to the kernel as restart_syscall, without its arguments; so the moments found at
 * one stop are kept for the next.
 *
 * Both files want the right to trace, which PID 1 has of a program when it takes the program's uid for a moment
 * (identity_for_files). What it reads there is the program's word: with a lie it is charged for less or for more of its own sleep.
 */
#include "asleep.h"

#include <asm/unistd.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <time.h>

#include "family.h"
#include "measure.h"
#include "ns.h"
#include "retry.h"

#define NS 1000000000ull
#define FOR_OTHERS UINT64_MAX
#define UNKNOWN 0
/* A run with more processes, or a process with more threads, is not looked at: that many rarely sleep together. */
#define MOST_SLEEPERS 256

struct sleeper {
  pid_t thread;
  uint64_t until_ns;
};

/* Of the last stop. Threads of a run that is over do no harm: their moments have passed, or are those of a number reused. */
static struct sleeper sleepers[MOST_SLEEPERS];
static size_t sleeper_count;

/* What stood, before this stop, where the kernel writes what is left. */
static struct {
  pid_t thread;
  uint64_t ns;
} noted[MOST_SLEEPERS];
static size_t noted_count;

/* A thread in a system call; the kernel prints its number in decimal, its arguments in hexadecimal. */
struct call {
  const struct cell *cell;
  pid_t thread;
  long long number;
  unsigned long long arguments[6];
  uint64_t since_ns, interrupted_ns;
};

static bool read_call(struct call *call) {
  char path[48], text[256];
  snprintf(path, sizeof path, "%d/syscall", call->thread);
  CLOSED_AT_END int file = openat(call->cell->processes, path, O_RDONLY | O_CLOEXEC);
  const ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (length <= 0) return false;
  text[length] = '\0';
  unsigned long long *to = call->arguments;
  return sscanf(text, "%lld %llx %llx %llx %llx %llx %llx", &call->number, to, to + 1, to + 2, to + 3, to + 4, to + 5) == 7;
}

/* A `struct timespec` of the program, in ns; false without one, or if it is none. */
static bool read_time(const struct call *call, unsigned long long address, uint64_t *ns) {
  char path[48];
  struct timespec time;
  if (address == 0 || address > INT64_MAX) return false;
  snprintf(path, sizeof path, "%d/mem", call->thread);
  CLOSED_AT_END int file = openat(call->cell->processes, path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || pread(file, &time, sizeof time, (off_t)address) != sizeof time) return false;
  if (time.tv_sec < 0 || time.tv_sec > 1000000000 || time.tv_nsec < 0 || time.tv_nsec >= (long)NS) return false;
  *ns = (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
  return true;
}

/* A moment on another clock, on ours. Clocks of CPU time stand still meanwhile: they tell nothing. */
static uint64_t on_our_clock(unsigned long long clock, uint64_t moment_ns) {
  struct timespec now;
  if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME) return UNKNOWN;
  if (clock_gettime((clockid_t)clock, &now)) return UNKNOWN;
  const uint64_t then_ns = (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
  return now_ns() + (moment_ns > then_ns ? moment_ns - then_ns : 0);
}

static bool was_noted(pid_t thread, uint64_t ns) {
  for (size_t i = 0; i < noted_count; i++) {
    if (noted[i].thread == thread) return noted[i].ns == ns;
  }
  return true;
}

/* A relative sleep: what the kernel said is left, or else all of it from the beginning of the stay. */
static uint64_t relative(const struct call *call, unsigned long long wanted, unsigned long long left) {
  uint64_t ns;
  if (left) return read_time(call, left, &ns) && !was_noted(call->thread, ns) ? call->interrupted_ns + ns : UNKNOWN;
  return read_time(call, wanted, &ns) ? call->since_ns + ns : UNKNOWN;
}

/* Where the kernel will write what is left of a sleep, or 0. */
static unsigned long long place_for_rest(const struct call *call) {
  switch (call->number) {
    case __NR_clock_nanosleep: return call->arguments[1] & TIMER_ABSTIME ? 0 : call->arguments[3];
    case __NR_nanosleep: return call->arguments[1];
    default: return 0;
  }
}

static void note(const struct call *call) {
  uint64_t ns;
  if (noted_count == MOST_SLEEPERS || !read_time(call, place_for_rest(call), &ns)) ns = UINT64_MAX;
  if (noted_count < MOST_SLEEPERS) noted[noted_count].thread = call->thread, noted[noted_count++].ns = ns;
}

static uint64_t restarted(const struct call *call) {
  const uint64_t now = now_ns();
  for (size_t i = 0; i < sleeper_count; i++) {
    if (sleepers[i].thread == call->thread && sleepers[i].until_ns > now) return sleepers[i].until_ns;
  }
  return UNKNOWN;
}

static uint64_t until_ns(const struct call *call) {
  const unsigned long long *arguments = call->arguments;
  uint64_t moment_ns;
  switch (call->number) {
    case __NR_clock_nanosleep:
      if (!(arguments[1] & TIMER_ABSTIME)) return relative(call, arguments[2], arguments[3]);
      return read_time(call, arguments[2], &moment_ns) ? on_our_clock(arguments[0], moment_ns) : UNKNOWN;
    case __NR_nanosleep: return relative(call, arguments[0], arguments[1]);
    case __NR_restart_syscall: return restarted(call);
#ifdef __NR_poll
    case __NR_poll: return arguments[1] == 0 && (int)arguments[2] >= 0 ? call->since_ns + (uint64_t)(int)arguments[2] * 1000000u : UNKNOWN;
#endif
    case __NR_futex: return arguments[3] == 0 && ((arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT || (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET) ? FOR_OTHERS : UNKNOWN;
    case __NR_wait4:
    case __NR_waitid: return FOR_OTHERS;
    default: return UNKNOWN;
  }
}

/* What a stop is told of each thread. False: nothing more needs to be asked, since nothing is known. */
typedef bool thread_visitor(const struct call *call);

static bool each_thread(const struct cell *cell, pid_t pid, struct call call, thread_visitor *visit) {
  static pid_t threads[MOST_SLEEPERS];
  const size_t count = family_threads(cell, pid, threads, MOST_SLEEPERS);
  for (size_t i = 0; i < count; i++) {
    call.thread = threads[i];
    if (!read_call(&call) || !visit(&call)) return false;
  }
  return count < MOST_SLEEPERS;
}

/* With the program's identity: only that may see the calls. */
static bool each_call(const struct cell *cell, struct call call, thread_visitor *visit) {
  static pid_t pids[MOST_SLEEPERS];
  const size_t count = family_list(cell, pids, MOST_SLEEPERS);
  bool goes_on = count < MOST_SLEEPERS;
  call.cell = cell;
  identity_for_files(cell, true);
  for (size_t i = 0; goes_on && i < count; i++) goes_on = pids[i] == cell->template_pid || each_thread(cell, pids[i], call, visit);
  identity_for_files(cell, false);
  return goes_on;
}

static bool visit_before(const struct call *call) {
  note(call);
  return true;
}

void asleep_note(const struct cell *cell) {
  noted_count = 0;
  if (!each_call(cell, (struct call){0}, visit_before)) noted_count = 0;
}

static struct sleeper found[MOST_SLEEPERS];
static size_t found_count;

static bool visit_stopped(const struct call *call) {
  const uint64_t until = until_ns(call);
  if (until == UNKNOWN || found_count == MOST_SLEEPERS) return false;
  if (until != FOR_OTHERS) found[found_count++] = (struct sleeper){call->thread, until};
  return true;
}

uint64_t asleep_until_ns(const struct cell *cell, uint64_t since_ns, uint64_t interrupted_ns) {
  found_count = 0;
  const bool is_known = each_call(cell, (struct call){.since_ns = since_ns, .interrupted_ns = interrupted_ns}, visit_stopped);
  uint64_t first_ns = UINT64_MAX;
  sleeper_count = is_known ? found_count : 0;
  for (size_t i = 0; i < sleeper_count; i++) {
    sleepers[i] = found[i];
    if (found[i].until_ns < first_ns) first_ns = found[i].until_ns;
  }
  return sleeper_count ? first_ns : UNKNOWN;
}
