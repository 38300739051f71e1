/*
 * The processes of a run.
 *
 * In a PID namespace that is everybody but PID 1, and kill(-1) reaches them all at once. Without one (--backend unsafe)
 * kill(-1) would reach the whole machine, so the family is found by walking down from this process: it is the subreaper of
 * all it has started, and neither a double fork nor setsid leads out of that. The walk is no snapshot. Who forks while it is
 * under way may be missed, so whoever must reach everybody repeats it until nobody is left.
 *
 * A pid found by the walk may belong to somebody else a moment later. So the signal goes to a pidfd, and only after the
 * parent was looked at once more: a stranger has another one.
 */
#include "family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "report.h"
#include "retry.h"

#define MOST_PROCESSES 32768

bool family_is_bare(const struct cell *cell) { return cell->backend & TURNO_BACKEND_UNSAFE; }

struct list {
  pid_t *pids;
  size_t count, most;
};

static void add(struct list *list, pid_t pid) {
  if (list->count < list->most) list->pids[list->count++] = pid;
}

typedef void number_visitor(const struct cell *cell, int directory, int number, struct list *list);

/* Calls `visit` for each entry of a directory that is a number. */
static void each_number(const struct cell *cell, const char *path, number_visitor *visit, struct list *list) {
  char buffer[16384] __attribute__((aligned(8)));
  CLOSED_AT_END int directory = openat(cell->processes, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (ssize_t length; directory >= 0 && (length = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0;) {
    for (ssize_t at = 0; at < length;) {
      const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
      at += entry->d_reclen;
      if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9') visit(cell, directory, atoi(entry->d_name), list);
    }
  }
}

static void add_other(const struct cell *cell, int directory, int number, struct list *list) {
  (void)cell, (void)directory;
  if (number != 1) add(list, number);
}

/* The children of one thread: numbers with a blank after each. */
static void add_children_of(const struct cell *cell, int directory, int thread, struct list *list) {
  char path[32], text[4096];
  (void)cell;
  snprintf(path, sizeof path, "%d/children", thread);
  CLOSED_AT_END int file = openat(directory, path, O_RDONLY | O_CLOEXEC);
  pid_t pid = 0;
  for (ssize_t length; file >= 0 && (length = RETRY(read(file, text, sizeof text))) > 0;) {
    for (ssize_t i = 0; i < length; i++) {
      if (text[i] >= '0' && text[i] <= '9') pid = pid * 10 + (text[i] - '0');
      else if (pid) add(list, pid), pid = 0;
    }
  }
}

static void add_children(const struct cell *cell, pid_t pid, struct list *list) {
  char path[32];
  snprintf(path, sizeof path, "%d/task", pid);
  each_number(cell, path, add_children_of, list);
}

size_t family_list(const struct cell *cell, pid_t *pids, size_t most) {
  struct list list = {.pids = pids, .most = most};
  if (!family_is_bare(cell)) {
    each_number(cell, ".", add_other, &list);
    return list.count;
  }
  add_children(cell, getpid(), &list);
  for (size_t i = 0; i < list.count; i++) add_children(cell, pids[i], &list);
  return list.count;
}

static void add_any(const struct cell *cell, int directory, int number, struct list *list) {
  (void)cell, (void)directory;
  add(list, number);
}

size_t family_threads(const struct cell *cell, pid_t pid, pid_t *threads, size_t most) {
  char path[32];
  struct list list = {.pids = threads, .most = most};
  snprintf(path, sizeof path, "%d/task", pid);
  each_number(cell, path, add_any, &list);
  return list.count;
}

static pid_t parent_of(const struct cell *cell, pid_t pid) {
  char path[32], text[512] = "";
  snprintf(path, sizeof path, "%d/stat", pid);
  CLOSED_AT_END int file = openat(cell->processes, path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, text, sizeof text - 1) <= 0) return 0;
  const char *fields = strrchr(text, ')');
  int parent = 0;
  if (fields) sscanf(fields, ") %*c %d", &parent);
  return parent;
}

static bool is_listed(pid_t pid, const pid_t *pids, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (pids[i] == pid) return true;
  }
  return pid == getpid();
}

static void signal_found(const struct cell *cell, int signal) {
  static pid_t pids[MOST_PROCESSES];
  size_t count = family_list(cell, pids, MOST_PROCESSES);
  for (size_t i = 0; i < count; i++) {
    CLOSED_AT_END int process = (int)syscall(SYS_pidfd_open, pids[i], 0);
    if (process < 0 || !is_listed(parent_of(cell, pids[i]), pids, count)) continue;
    /* Dead by now, most likely. Who has become somebody else (it cannot, with no_new_privs) is left to the next look. */
    if (syscall(SYS_pidfd_send_signal, process, signal, NULL, 0)) continue;
  }
}

void family_signal(const struct cell *cell, int signal) {
  if (family_is_bare(cell)) signal_found(cell, signal);
  else if (kill(-1, signal) && errno != ESRCH) die(STEP_WATCH, 0, errno, "kill(-1, %d)", signal);
}

static void count_tasks(const struct cell *cell, int directory, int number, struct list *list) {
  char path[32], text[2048] = "";
  (void)cell;
  snprintf(path, sizeof path, "%d/status", number);
  CLOSED_AT_END int file = openat(directory, path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, text, sizeof text - 1) <= 0) return;
  const char *uid = strstr(text, "\nUid:"), *threads = strstr(text, "\nThreads:");
  if (uid && threads && strtoul(uid + 5, NULL, 10) == getuid()) list->count += strtoul(threads + 9, NULL, 10);
}

uint32_t family_tasks_of_user(const struct cell *cell) {
  struct list list = {0};
  each_number(cell, ".", count_tasks, &list);
  return (uint32_t)list.count;
}

void family_end(const struct cell *cell) {
  for (;;) {
    family_signal(cell, SIGKILL);
    pid_t pid;
    do pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0 || (pid < 0 && errno == EINTR));
    if (pid < 0) return;
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
  }
}
