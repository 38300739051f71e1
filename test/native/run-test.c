/* turno_run.h from the outside: what its manual promises. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../native/cell/turno_run.h"
#include "tap.h"

static struct turno_settings settings;
static struct turno_cell *cell;
static struct turno_result result;
static char output[4096];

/* Runs a shell script; its stdout is in `output`. */
static int script(const char *text, struct turno_run run) {
  const char *arguments[] = {"sh", "-c", text, NULL};
  int out = memfd_create("out", MFD_CLOEXEC);
  run.path = "/bin/sh";
  run.arguments = arguments;
  run.output = out;
  int outcome = turno_cell_run(cell, &run, &result);
  memset(output, 0, sizeof output);
  if (pread(out, output, sizeof output - 1, 0) < 0) output[0] = '\0';
  close(out);
  return outcome;
}

/* How often this thread has gone to sleep in `runs` runs. */
static long sleeps_in(int runs) {
  struct rusage before, after;
  getrusage(RUSAGE_THREAD, &before);
  for (int i = 0; i < runs; i++) script(":", (struct turno_run){.input = -1});
  getrusage(RUSAGE_THREAD, &after);
  return after.ru_nvcsw - before.ru_nvcsw;
}

int main(void) {
  settings.backend = getenv("TURNO_BACKEND");
  cell = turno_cell_open(&settings, &result);
  ok(cell, "a cell opens %s", result.error);
  if (!cell) return tap_end();

  is(script("echo out; exit 3", (struct turno_run){.input = -1}), 0, "a run that ends by itself is a success of turno_run");
  is(result.exit_code, 3, "whatever its exit code");
  ok(!strcmp(output, "out\n"), "stdout is in the descriptor given");
  is(result.limit, TURNO_NO_LIMIT, "no limit was reached");
  script("kill -TERM $$", (struct turno_run){.input = -1});
  is(result.signal, SIGTERM, "a signal is told by its number");
  is(result.exit_code, -1, "and the exit code is -1 then");
  script("while :; do :; done", (struct turno_run){.input = -1, .cpu_ns = 100000000});
  is(result.limit, TURNO_CPU_LIMIT, "a loop reaches the CPU limit");
  script("echo 12345", (struct turno_run){.input = -1, .output_bytes = 4});
  is(result.limit, TURNO_OUTPUT_LIMIT, "too much output reaches the output limit");

  int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC);
  if (write(in, "inside", 6) != 6) return 99;
  struct turno_file in_file = {"a/in", in}, out_files[] = {{"out", out}, {"absent", out}};
  struct turno_run files = {.input = -1, .in_files = &in_file, .in_count = 1, .out_files = out_files, .out_count = 2};
  script("cat a/in > out", files);
  char text[16] = "";
  ok(pread(out, text, sizeof text - 1, 0) == 6 && !strcmp(text, "inside"), "files go in and come out");
  is(result.out_missing, 1, "a missing one is counted");
  script("ls", (struct turno_run){.input = -1});
  is(output[0], 0, "the next run finds an empty box");

  const long sleeps = sleeps_in(40);
  ok(sleeps < 60, "a caller sleeps once a run, not again when its request is taken: %ld times in 40", sleeps);

  struct turno_run nothing = {0}, absent = {.program = "/no/such/program"}, wrong = {.path = "/usr/bin/no-such"};
  is(turno_cell_run(cell, &nothing, &result), -1, "a run without a program is refused");
  is(turno_cell_run(cell, &absent, &result), -1, "so is a file that is not there");
  ok(strstr(result.error, "/no/such/program"), "by name: %s", result.error);
  is(turno_cell_run(cell, &wrong, &result), -1, "a path that is not inside is an error, not exit 127");
  ok(strstr(result.error, "no-such"), "and says so: %s", result.error);
  is(turno_cell_run(cell, &wrong, &result), -1, "after which the cell has ended");
  turno_cell_close(cell);

  struct turno_settings bad = {.cell = "/no/such/cell"};
  ok(!turno_cell_open(&bad, &result), "a missing turno-cell is an error: %s", result.error);
  return tap_end();
}
