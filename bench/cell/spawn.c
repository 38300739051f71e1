/*
 * What does a run in a cell cost, beside the bare posix_spawn that people would write themselves?
 *
 *     spawn [SECONDS-PER-ROUND] [ROUNDS]       $TURNO_CELL
 *
 * The same static hello on both sides, its output kept in both: bare through a pipe, in the cell in a memfd (both read).
 * One and two at a time; one thread of this program for each. Rounds alternate, so that a slow moment of the machine hits
 * all ways alike; the medians of the rounds are printed. CPU frequency and neighbours are not controlled: believe the ratio.
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

#define MOST_ROUNDS 64
#define MOST_LANES 2

extern char **environ;

static char hello[] = "/tmp/turno-bench-XXXXXX";

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + now.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void make_hello(void) {
  char command[128];
  int file = mkstemp(hello);
  if (file < 0) fail("mkstemp");
  close(file);
  snprintf(command, sizeof command, "echo '#include <stdio.h>\nint main(void){puts(\"hello\");}' | gcc -O2 -static -x c - -o %s", hello);
  if (system(command)) fail("gcc");
}

static void run_bare(void) {
  int ends[2], status;
  char output[64];
  char *const arguments[] = {hello, NULL};
  posix_spawn_file_actions_t actions;
  pid_t pid;
  if (pipe2(ends, O_CLOEXEC)) fail("pipe2");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  if (posix_spawn(&pid, hello, &actions, NULL, arguments, environ)) fail("posix_spawn");
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
  double until_s;
  long runs;
};

static void *run_lane(void *argument) {
  struct lane *lane = argument;
  for (lane->runs = 0; now_s() < lane->until_s; lane->runs++) {
    if (lane->cell) run_in_cell(lane->cell);
    else run_bare();
  }
  return NULL;
}

static double runs_per_second(struct turno_cell **cells, int lanes, double seconds) {
  pthread_t threads[MOST_LANES];
  struct lane work[MOST_LANES];
  long runs = 0;
  double began_s = now_s();
  for (int i = 0; i < lanes; i++) {
    work[i] = (struct lane){.cell = cells ? cells[i] : NULL, .until_s = began_s + seconds};
    pthread_create(&threads[i], NULL, run_lane, &work[i]);
  }
  for (int i = 0; i < lanes; i++) {
    pthread_join(threads[i], NULL);
    runs += work[i].runs;
  }
  return (double)runs / (now_s() - began_s);
}

static int by_value(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) : 1;
  int rounds = argc > 2 ? atoi(argv[2]) : 9;
  struct turno_cell *cells[MOST_LANES];
  struct turno_result result;
  static double figures[2][2][MOST_ROUNDS];
  if (rounds > MOST_ROUNDS) rounds = MOST_ROUNDS;
  make_hello();
  for (int i = 0; i < MOST_LANES; i++) {
    cells[i] = turno_cell_open(NULL, &result);
    if (!cells[i]) return fprintf(stderr, "%s\n", result.error), 1;
  }
  for (int round = 0; round < rounds; round++) {
    for (int lanes = 1; lanes <= MOST_LANES; lanes++) {
      figures[lanes - 1][0][round] = runs_per_second(NULL, lanes, seconds);
      figures[lanes - 1][1][round] = runs_per_second(cells, lanes, seconds);
    }
  }
  printf("| at a time | bare posix_spawn, runs/s | cell, runs/s | cell of bare | spread of the cell |\n|---|---|---|---|---|\n");
  for (int lanes = 1; lanes <= MOST_LANES; lanes++) {
    double *bare = figures[lanes - 1][0], *cell = figures[lanes - 1][1];
    qsort(bare, (size_t)rounds, sizeof *bare, by_value);
    qsort(cell, (size_t)rounds, sizeof *cell, by_value);
    double middle_bare = bare[rounds / 2], middle_cell = cell[rounds / 2];
    printf("| %d | %.0f | %.0f | %.2f | %.0f-%.0f |\n", lanes, middle_bare, middle_cell, middle_cell / middle_bare, cell[0], cell[rounds - 1]);
  }
  for (int i = 0; i < MOST_LANES; i++) turno_cell_close(cells[i]);
  unlink(hello);
  return 0;
}
