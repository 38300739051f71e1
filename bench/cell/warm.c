/*
 * What does a run from a template cost, beside starting the same program anew?
 *
 *     warm [SECONDS-PER-ROUND] [ROUNDS]        $TURNO_CELL, $TURNO_TEMPLATES (directory), $PYTHON
 *
 * The same executable on both sides, output kept in both. C: bare posix_spawn, fresh and warm in a cell; Python: bare
 * `python3 -I`, and the plain one warm. One at a time. Rounds alternate, medians are printed: believe the ratio.
 *
 * CPU a run is all of it: this program, PID 1 of the cell, the template's part of a fork, the program. On a machine that is
 * busy with other work it says more than runs/s, because programs in a cell run below everything else (SCHED_IDLE).
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../test/native/host.h"

#define MOST_ROUNDS 64

static struct host host;
static char hello[] = "/tmp/turno-bench-XXXXXX", hello_cpp[] = "/tmp/turno-bench-XXXXXX", script[] = "/tmp/turno-bench-XXXXXX";
static const char *python;
static int program, program_cpp, text, halves[2];
static uint64_t programs_ns; /* CPU time of programs in the cell */

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + now.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int made(char *path, const char *command) {
  char line[512];
  close(mkstemp(path));
  snprintf(line, sizeof line, command, path);
  if (system(line)) fail(line);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static void run_bare(const char *path, char *const *arguments) {
  static char *const environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", NULL};
  int ends[2], status;
  char output[64];
  posix_spawn_file_actions_t actions;
  pid_t pid;
  if (pipe2(ends, O_CLOEXEC)) fail("pipe2");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  if (posix_spawn(&pid, path, &actions, NULL, arguments, environment)) fail("posix_spawn");
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  while (read(ends[0], output, sizeof output) > 0) continue;
  close(ends[0]);
  if (waitpid(pid, &status, 0) != pid || status) fail("waitpid");
}

static void run_in_cell(struct wish wish, uint64_t template) {
  static const char *const environment[] = {"PATH=/usr/bin:/bin", "HOME=/box", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", NULL};
  wish.environment = environment;
  wish.flags = template ? TURNO_RUN_WARM : 0;
  wish.template = template;
  struct outcome *outcome = host_run(&host, &wish);
  programs_ns += outcome->report.cpu_ns;
  if (strcmp(outcome->out, "hello\n") || outcome->report.warm != (template > 0)) fail("a run in the cell went wrong");
}

static void c_bare(void) { run_bare(hello, (char *const[]){hello, NULL}); }
static void cpp_bare(void) { run_bare(hello_cpp, (char *const[]){hello_cpp, NULL}); }
static void python_bare(void) { run_bare(python, (char *const[]){(char *)python, "-I", script, NULL}); }

static void compiled_in_cell(int executable, uint64_t template) {
  struct file files[] = {{"xprogram", executable}, {"xtemplate.so", halves[0]}};
  run_in_cell((struct wish){.path = "/exe/program", .in_files = files, .in_count = template ? 2 : 1}, template);
}
static void c_fresh(void) { compiled_in_cell(program, 0); }
static void c_warm(void) { compiled_in_cell(program, 2); }
static void cpp_fresh(void) { compiled_in_cell(program_cpp, 0); }
static void cpp_warm(void) { compiled_in_cell(program_cpp, 3); }

static void python_in_cell(uint64_t template) {
  struct file files[] = {{"bmain.py", text}, {"xtemplate.so", halves[1]}};
  const char *const arguments[] = {python, "main.py", NULL};
  run_in_cell((struct wish){.path = python, .arguments = arguments, .in_files = files, .in_count = 2}, template);
}
static void python_fresh(void) { python_in_cell(0); }
static void python_warm(void) { python_in_cell(1); }

static const struct {
  const char *name;
  void (*run)(void);
  int base; /* row it is compared with */
} rows[] = {
    {"C hello, bare `posix_spawn`", c_bare, 0},     {"C hello, fresh in a cell", c_fresh, 0},     {"C hello, warm", c_warm, 0},
    {"C++ hello, bare `posix_spawn`", cpp_bare, 3}, {"C++ hello, fresh in a cell", cpp_fresh, 3}, {"C++ hello, warm", cpp_warm, 3},
    {"Python hello, bare `python3 -I`", python_bare, 6}, {"Python hello, fresh in a cell", python_fresh, 6}, {"Python hello, warm", python_warm, 6},
};
#define ROWS (sizeof rows / sizeof *rows)

static double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

/* Of the bench, its children, PID 1 of the cell, and the programs in it. */
static double cpu_s(void) {
  struct rusage self, children;
  unsigned long long init_ns = 0;
  char path[64];
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  snprintf(path, sizeof path, "/proc/%u/schedstat", host.hello.pid);
  FILE *file = fopen(path, "r");
  if (!file || fscanf(file, "%llu", &init_ns) != 1) fail(path);
  fclose(file);
  return seconds_of(self.ru_utime) + seconds_of(self.ru_stime) + seconds_of(children.ru_utime) + seconds_of(children.ru_stime) +
         (double)(init_ns + programs_ns) / 1e9;
}

struct figure {
  double per_second, cpu_us;
};

static struct figure measured(void (*run)(void), double seconds) {
  run(); /* a template is made, a file is in the cache */
  double began_s = now_s(), used_s = cpu_s(), ended_s;
  long runs = 0;
  do run(), runs++;
  while ((ended_s = now_s()) < began_s + seconds);
  return (struct figure){(double)runs / (ended_s - began_s), (cpu_s() - used_s) / (double)runs * 1e6};
}

static int by_value(const void *a, const void *b) { return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b); }

int main(int argc, char **argv) {
  static double figures[ROWS][MOST_ROUNDS], cpu_us[ROWS][MOST_ROUNDS];
  double seconds = argc > 1 ? atof(argv[1]) : 1;
  int rounds = argc > 2 ? atoi(argv[2]) : 5;
  char path[4096];
  const char *templates = getenv("TURNO_TEMPLATES");
  if (rounds > MOST_ROUNDS) rounds = MOST_ROUNDS;
  python = getenv("PYTHON") ? getenv("PYTHON") : "/usr/bin/python3";
  program = made(hello, "echo '#include <stdio.h>\nint main(void){puts(\"hello\");}' | gcc -O2 -Wl,-z,now -x c - -o %s");
  program_cpp = made(hello_cpp, "echo '#include <iostream>\nint main(){std::cout << \"hello\" << std::endl;}' | g++ -O2 -Wl,-z,now -x c++ - -o %s");
  text = made(script, "echo \"print('hello')\" > %s");
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/template-%s.so", templates ? templates : "build/Release", i ? "python" : "program");
    if ((halves[i] = open(path, O_RDONLY | O_CLOEXEC)) < 0) fail(path);
  }
  host_start(&host, "auto", NULL);
  for (int round = 0; round < rounds; round++) {
    for (size_t row = 0; row < ROWS; row++) {
      struct figure figure = measured(rows[row].run, seconds);
      figures[row][round] = figure.per_second;
      cpu_us[row][round] = figure.cpu_us;
    }
  }
  printf("| one at a time | runs/s | spread | of bare | CPU us a run | spread | bare of it |\n|---|---|---|---|---|---|---|\n");
  for (size_t row = 0; row < ROWS; row++) {
    qsort(figures[row], (size_t)rounds, sizeof **figures, by_value);
    qsort(cpu_us[row], (size_t)rounds, sizeof **cpu_us, by_value);
  }
  for (size_t row = 0; row < ROWS; row++) {
    const double *speed = figures[row], *cost = cpu_us[row];
    const int base = rows[row].base, middle = rounds / 2;
    printf("| %s | %.0f | %.0f-%.0f | %.2f | %.0f | %.0f-%.0f | %.2f |\n", rows[row].name, speed[middle], speed[0], speed[rounds - 1],
           speed[middle] / figures[base][middle], cost[middle], cost[0], cost[rounds - 1], cpu_us[base][middle] / cost[middle]);
  }
  host_end(&host);
  unlink(hello), unlink(hello_cpp), unlink(script);
  return 0;
}
