/* What the benches of the cell share: their clock, and the bare way to run a program, which all others are compared with. */
#ifndef TURNO_BENCH_BARE_H
#define TURNO_BENCH_BARE_H

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static inline double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline _Noreturn void fail(const char *what) {
  perror(what);
  exit(1);
}

/* posix_spawn, a pipe that its output is read from, waitpid: what people would write themselves. */
static inline void run_bare(const char *path, const char *const *arguments, const char *const *environment) {
  int ends[2], status;
  char output[64];
  posix_spawn_file_actions_t actions;
  pid_t pid;
  if (pipe2(ends, O_CLOEXEC)) fail("pipe2");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  if (posix_spawnp(&pid, path, &actions, NULL, (char *const *)arguments, (char *const *)environment)) fail(path);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  while (read(ends[0], output, sizeof output) > 0) continue;
  close(ends[0]);
  if (waitpid(pid, &status, 0) != pid || status) fail(path);
}

#endif
