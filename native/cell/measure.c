/*
 * Clocks of a run.
 *
 * CPU time comes from the cpuacct group, exact and with every descendant. Without groups it is put together from PID 1's
 * reaped children and the clocks of the living: weaker, because a child whose parent ignores SIGCHLD takes its time with it.
 */
#include "measure.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "family.h"
#include "retry.h"

#define NS 1000000000ull
#define MOST_PROCESSES 32768

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

static bool read_process(const struct cell *cell, pid_t pid, const char *name, char *text, size_t size) {
  char path[48];
  snprintf(path, sizeof path, "%d/%s", pid, name);
  CLOSED_AT_END int file = openat(cell->processes, path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, text, size - 1);
  if (length < 0) return false;
  text[length] = '\0';
  return true;
}

typedef uint64_t process_figure(const struct cell *cell, pid_t pid);

/* Folds a figure over all processes of the run. */
static uint64_t over_processes(const struct cell *cell, process_figure *figure, bool largest) {
  static pid_t pids[MOST_PROCESSES];
  uint64_t result = 0;
  size_t count = family_list(cell, pids, MOST_PROCESSES);
  for (size_t i = 0; i < count; i++) {
    uint64_t one = figure(cell, pids[i]);
    result = !largest ? result + one : one > result ? one : result;
  }
  return result;
}

/* The same over the threads of one: their files are found as those of a process are, though /proc does not list them. */
static uint64_t over_threads(const struct cell *cell, pid_t pid, process_figure *figure, bool largest) {
  static pid_t threads[MOST_PROCESSES];
  uint64_t result = 0;
  size_t count = family_threads(cell, pid, threads, MOST_PROCESSES);
  for (size_t i = 0; i < count; i++) {
    uint64_t one = figure(cell, threads[i]);
    result = !largest ? result + one : one > result ? one : result;
  }
  return result;
}

/* Own time from the clock; that of children it has waited for from stat, in ticks: fields 16 and 17. */
static uint64_t process_cpu_ns(const struct cell *cell, pid_t pid) {
  clockid_t clock;
  struct timespec own = {0};
  if (clock_getcpuclockid(pid, &clock) == 0) clock_gettime(clock, &own);
  char text[1024];
  unsigned long long user = 0, system = 0;
  const char *fields = read_process(cell, pid, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
  if (fields) sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %llu %llu", &user, &system);
  return (uint64_t)own.tv_sec * NS + (uint64_t)own.tv_nsec + (user + system) * (NS / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint64_t timeval_ns(struct timeval time) { return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_usec * 1000; }

uint64_t measure_cpu_ns(const struct cell *cell) {
  if (cell->groups.cpu_used >= 0) return groups_cpu_ns(&cell->groups);
  struct rusage reaped;
  getrusage(RUSAGE_CHILDREN, &reaped);
  return timeval_ns(reaped.ru_utime) + timeval_ns(reaped.ru_stime) + over_processes(cell, process_cpu_ns, false);
}

static uint64_t process_memory_bytes(const struct cell *cell, pid_t pid) {
  char text[128];
  unsigned long long resident = 0, shared = 0;
  if (pid == cell->template_pid) return 0;
  if (!read_process(cell, pid, "statm", text, sizeof text)) return 0;
  sscanf(text, "%*u %llu %llu", &resident, &shared);
  return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t measure_memory_bytes(const struct cell *cell) {
  if (cell->groups.memory_now >= 0) {
    uint64_t bytes = groups_memory_bytes(&cell->groups);
    return bytes > cell->groups.kept_bytes ? bytes - cell->groups.kept_bytes : 0;
  }
  return over_processes(cell, process_memory_bytes, false);
}

/* schedstat: time on a core, time waiting for one, times on one. */
uint64_t measure_delay_of_ns(const struct cell *cell, pid_t pid) {
  char text[128];
  unsigned long long delay = 0;
  if (read_process(cell, pid, "schedstat", text, sizeof text)) sscanf(text, "%*u %llu", &delay);
  return delay;
}

/* What a template has waited while it was made would hide what the program waits. */
static uint64_t delay_in_process_ns(const struct cell *cell, pid_t pid) {
  return pid == cell->template_pid ? 0 : over_threads(cell, pid, measure_delay_of_ns, true);
}

uint64_t measure_delay_ns(const struct cell *cell) { return over_processes(cell, delay_in_process_ns, true); }

bool measure_is_runnable(const struct cell *cell, pid_t thread) {
  char text[512];
  const char *state = read_process(cell, thread, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
  return state && state[2] == 'R';
}

static uint64_t runnable_threads(const struct cell *cell, pid_t thread) { return measure_is_runnable(cell, thread); }

static uint64_t runnable_in_process(const struct cell *cell, pid_t pid) { return over_threads(cell, pid, runnable_threads, false); }

uint64_t measure_runnable(const struct cell *cell) { return over_processes(cell, runnable_in_process, false); }

#define ONE_MOVING (UINT64_C(1) << 32)

/* A number of a line of /proc/PID/status, or 0. */
static uint64_t number_at(const char *status, const char *name, int base) {
  const char *line = strstr(status, name);
  return line ? strtoull(line + strlen(name), NULL, base) : 0;
}

/* A signal waits for it that lets it execute nothing more. */
static bool is_told_to_stop(const char *status) {
  const uint64_t ends = UINT64_C(1) << (SIGSTOP - 1) | UINT64_C(1) << (SIGKILL - 1);
  return (number_at(status, "\nSigPnd:", 16) | number_at(status, "\nShdPnd:", 16)) & ends;
}

/* In the middle of what the kernel does not interrupt (a disk, a vfork) it will stop when that is over, unless somebody took it back. */
static bool goes_on_afterwards(const struct cell *cell, pid_t thread) {
  char text[4096];
  return read_process(cell, thread, "status", text, sizeof text) && !is_told_to_stop(text);
}

static uint64_t thread_stands(const struct cell *cell, pid_t thread) {
  char text[512];
  const char *state = read_process(cell, thread, "stat", text, sizeof text) ? strrchr(text, ')') : NULL;
  switch (state ? state[2] : '\0') {
    case 'T': return 1;
    case 'R':
    case 'S': return ONE_MOVING;
    case 'D': return goes_on_afterwards(cell, thread) ? ONE_MOVING : 0;
    default: return 0;
  }
}

/* All threads stop together, so one tells of all. The first may have ended before the others: /proc calls such a process a zombie. */
static uint64_t process_stands(const struct cell *cell, pid_t pid) {
  const uint64_t first = thread_stands(cell, pid);
  const uint64_t all = first ? first : over_threads(cell, pid, thread_stands, false);
  return all < ONE_MOVING ? all > 0 : ONE_MOVING;
}

static uint64_t process_executes(const struct cell *cell, pid_t pid) {
  char text[4096];
  const char *state = read_process(cell, pid, "status", text, sizeof text) ? strstr(text, "\nState:\t") : NULL;
  if (!state || state[8] == 'T') return 0;
  const uint64_t threads = number_at(text, "\nThreads:", 10);
  if (state[8] == 'Z') return threads > 1;
  /* The signal of a process is taken by one of its threads, and the others run until that one gets a core. */
  return threads != 1 || !is_told_to_stop(text);
}

uint64_t measure_executing(const struct cell *cell) { return over_processes(cell, process_executes, false); }

struct standing measure_standing(const struct cell *cell) {
  const uint64_t both = over_processes(cell, process_stands, false);
  return (struct standing){.stopped = (uint32_t)both, .moving = (uint32_t)(both / ONE_MOVING)};
}
