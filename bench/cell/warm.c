/*
 * What does a run from a template cost, beside starting the same program anew?
 *
 *     warm ROW SECONDS  ->  prints runs per second, and CPU time of a run in us
 *                             $TURNO_CELL, $TURNO_TEMPLATES (directory), $PYTHON
 *
 * ROW: c, cpp or python, with -bare, -fresh or -warm. The same executable in all three, output kept; Python: bare
 * `python3 -I`, and the plain one in the cell. One at a time. `npm run bench -- cell` takes them in turn.
 *
 * CPU a run is all of it: this program, PID 1 of the cell, the template's part of a fork, the program. On a machine that is
 * busy with other work it says more than runs/s, because programs in a cell run below everything else (SCHED_IDLE).
 */
#include <string.h>
#include <sys/resource.h>

#include "bare.h"
#include "../../test/native/host.h"

static struct host host;
static char hello[] = "/tmp/turno-bench-XXXXXX", hello_cpp[] = "/tmp/turno-bench-XXXXXX", script[] = "/tmp/turno-bench-XXXXXX";
static const char *python;
static int program, program_cpp, text, halves[2];
static uint64_t programs_ns; /* CPU time of programs in the cell */

static int made(char *path, const char *command) {
  char line[512];
  close(mkstemp(path));
  snprintf(line, sizeof line, command, path);
  if (system(line)) fail(line);
  return open(path, O_RDONLY | O_CLOEXEC);
}

static const char *const bare_environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", NULL};

static void run_in_cell(struct wish wish, uint64_t template) {
  static const char *const environment[] = {"PATH=/usr/bin:/bin", "HOME=/box", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", NULL};
  wish.environment = environment;
  wish.flags = template ? TURNO_RUN_WARM : 0;
  wish.template = template;
  struct outcome *outcome = host_run(&host, &wish);
  programs_ns += outcome->report.cpu_ns;
  if (strcmp(outcome->out, "hello\n") || outcome->report.warm != (template > 0)) fail("a run in the cell went wrong");
}

static void c_bare(void) { run_bare(hello, (const char *const[]){hello, NULL}, bare_environment); }
static void cpp_bare(void) { run_bare(hello_cpp, (const char *const[]){hello_cpp, NULL}, bare_environment); }
static void python_bare(void) { run_bare(python, (const char *const[]){python, "-I", script, NULL}, bare_environment); }

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
} rows[] = {{"c-bare", c_bare},         {"c-fresh", c_fresh},           {"c-warm", c_warm},           {"cpp-bare", cpp_bare},      {"cpp-fresh", cpp_fresh},
            {"cpp-warm", cpp_warm}, {"python-bare", python_bare}, {"python-fresh", python_fresh}, {"python-warm", python_warm}};
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

static void make_programs(const char *templates) {
  char path[4096];
  python = getenv("PYTHON") ? getenv("PYTHON") : "/usr/bin/python3";
  program = made(hello, "echo '#include <stdio.h>\nint main(void){puts(\"hello\");}' | gcc -O2 -Wl,-z,now -x c - -o %s");
  program_cpp = made(hello_cpp, "echo '#include <iostream>\nint main(){std::cout << \"hello\" << std::endl;}' | g++ -O2 -Wl,-z,now -x c++ - -o %s");
  text = made(script, "echo \"print('hello')\" > %s");
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, "%s/template-%s.so", templates ? templates : "build/Release", i ? "python" : "program");
    if ((halves[i] = open(path, O_RDONLY | O_CLOEXEC)) < 0) fail(path);
  }
}

int main(int argc, char **argv) {
  size_t row = 0;
  while (argc == 3 && row < ROWS && strcmp(rows[row].name, argv[1])) row++;
  if (argc != 3 || row == ROWS) return fprintf(stderr, "usage: warm ROW SECONDS\n"), 2;
  make_programs(getenv("TURNO_TEMPLATES"));
  host_start(&host, "auto", NULL);
  rows[row].run(); /* a template is made, a file is in the cache */
  const double began_s = now_s(), used_s = cpu_s();
  double ended_s;
  long runs = 0;
  do rows[row].run(), runs++;
  while ((ended_s = now_s()) < began_s + atof(argv[2]));
  printf("%.1f %.1f\n", (double)runs / (ended_s - began_s), (cpu_s() - used_s) / (double)runs * 1e6);
  host_end(&host);
  unlink(hello), unlink(hello_cpp), unlink(script);
  return 0;
}
