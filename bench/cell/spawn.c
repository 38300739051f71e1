/*
 * One way of running a static hello, again and again, its output kept and read:
 *
 *     spawn WAY EXECUTABLE SECONDS PARALLEL  ->  prints runs per second        cell: $TURNO_CELL
 *
 *     bare    posix_spawn, a pipe, waitpid: what people would write themselves
 *     cell    turno_run.h, one open cell for each of PARALLEL threads; output in a memfd
 *     bwrap   bare, with bubblewrap around the program: everything unshared, /usr to read
 */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../native/cell/turno_run.h"

#define MOST_LANES 2

extern char **environ;

static const char *hello;

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + now.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void run_bare(bool is_wrapped) {
  int ends[2], status;
  char output[64];
  const char *const alone[] = {hello, NULL};
  const char *const wrapped[] = {"bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib64",
                                 "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", hello, "/tmp/hello", "/tmp/hello", NULL};
  const char *const *arguments = is_wrapped ? wrapped : alone;
  posix_spawn_file_actions_t actions;
  pid_t pid;
  if (pipe2(ends, O_CLOEXEC)) fail("pipe2");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  if (posix_spawnp(&pid, arguments[0], &actions, NULL, (char *const *)arguments, environ)) fail("posix_spawn");
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  while (read(ends[0], output, sizeof output) > 0) continue;
  close(ends[0]);
  if (waitpid(pid, &status, 0) != pid || status) fail("waitpid");
}

static void run_in_cell(struct turno_cell *cell) {
  char output[64];
  struct turno_result result;
  int out = memfd_create("out", MFD_CLOEXEC);
  struct turno_run run = {.program = hello, .input = -1, .output = out};
  if (turno_cell_run(cell, &run, &result) || result.exit_code || pread(out, output, sizeof output, 0) != 6) {
    fprintf(stderr, "%s exit %d\n", result.error, result.exit_code);
    exit(1);
  }
  close(out);
}

struct lane {
  struct turno_cell *cell; /* NULL: bare */
  bool is_wrapped;
  double until_s;
  long runs;
};

static void *run_lane(void *argument) {
  struct lane *lane = argument;
  for (lane->runs = 0; now_s() < lane->until_s; lane->runs++) {
    if (lane->cell) run_in_cell(lane->cell);
    else run_bare(lane->is_wrapped);
  }
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[MOST_LANES];
  struct lane lanes[MOST_LANES] = {0};
  struct turno_result result;
  if (argc != 5) return fprintf(stderr, "usage: spawn bare|cell|bwrap EXECUTABLE SECONDS PARALLEL\n"), 2;
  hello = argv[2];
  int count = atoi(argv[4]);
  if (count < 1 || count > MOST_LANES) return fprintf(stderr, "PARALLEL: 1 to %d\n", MOST_LANES), 2;
  for (int i = 0; i < count; i++) {
    lanes[i].is_wrapped = !strcmp(argv[1], "bwrap");
    if (strcmp(argv[1], "cell")) continue;
    lanes[i].cell = turno_cell_open(NULL, &result);
    if (!lanes[i].cell) return fprintf(stderr, "%s\n", result.error), 1;
    run_in_cell(lanes[i].cell); /* the executable is in the cell from now on */
  }
  double began_s = now_s();
  long runs = 0;
  for (int i = 0; i < count; i++) {
    lanes[i].until_s = began_s + atof(argv[3]);
    pthread_create(&threads[i], NULL, run_lane, &lanes[i]);
  }
  for (int i = 0; i < count; i++) {
    pthread_join(threads[i], NULL);
    runs += lanes[i].runs;
  }
  printf("%.1f\n", (double)runs / (now_s() - began_s));
  for (int i = 0; i < count; i++) turno_cell_close(lanes[i].cell);
  return 0;
}
