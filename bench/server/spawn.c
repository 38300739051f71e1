/*
 * The peer of the HTTP bench: posix_spawn + wait4 of one executable, again and again, stdout captured through a pipe, as
 * somebody would who judges without a sandbox.
 *
 *     spawn EXECUTABLE RUNS PARALLEL  ->  prints runs per second
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_once(const char *path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  char *argv[] = {(char *)path, NULL};
  pid_t pid;
  int failed = posix_spawn(&pid, path, &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  char buffer[4096];
  if (!failed) {
    while (read(ends[0], buffer, sizeof buffer) > 0) continue;
  }
  close(ends[0]);
  if (failed) return -1;
  int status;
  struct rusage usage;
  if (wait4(pid, &status, 0, &usage) != pid) return -1;
  return status;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: spawn EXECUTABLE RUNS PARALLEL\n");
    return 2;
  }
  long runs = atol(argv[2]), parallel = atol(argv[3]);
  double start = now_s();
  for (long worker = 0; worker < parallel; worker++) {
    if (fork() != 0) continue;
    for (long i = worker; i < runs; i += parallel) {
      if (run_once(argv[1]) != 0) _exit(1);
    }
    _exit(0);
  }
  int status, failed = 0;
  while (wait(&status) > 0) failed |= status != 0;
  printf("%.1f\n", (double)runs / (now_s() - start));
  return failed;
}
