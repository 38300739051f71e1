/*
 * One way of running a static hello, again and again, its output kept and read:
 *
 *     spawn WAY EXECUTABLE SECONDS PARALLEL  ->  prints runs per second        cell: $TURNO_CELL
 *
 *     bare    posix_spawn, a pipe, waitpid: what people would write themselves
 *     cell    turno_run.h, one open cell for each of PARALLEL threads; output in a memfd
 *     bwrap   bare, with bubblewrap around the program: everything unshared, /usr to read
 *     gcc-bare, gcc-cell     the same with a new source that is compiled first; one at a time
 */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bare.h"
#include "../../native/cell/turno_run.h"

#define MOST_LANES 2

extern char **environ;

static const char *hello;

static void run_wrapped(void) {
  const char *const arguments[] = {"bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib64",
                                   "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", hello, "/tmp/hello", "/tmp/hello", NULL};
  run_bare("bwrap", arguments, (const char *const *)environ);
}

/* A source nobody has compiled before: a judge gets few twice. */
static void write_new_source(int file) {
  static unsigned long serial;
  const unsigned long number = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
  if (dprintf(file, "#include <stdio.h>\n/* %d %lu */\nint main(void) { puts(\"hello\"); return 0; }\n", getpid(), number) < 0) fail("source");
}

#define COMPILER "gcc", "-std=gnu17", "-O2", "-static", "-pthread", "-o", "program", "main.c", "-lm", NULL

static void compile_bare(void) {
  char directory[] = "/tmp/turno-bench-XXXXXX", path[64];
  if (!mkdtemp(directory) || chdir(directory)) fail(directory);
  int source = open("main.c", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  write_new_source(source);
  close(source);
  const char *const compiler[] = {COMPILER}, *const alone[] = {path, NULL};
  snprintf(path, sizeof path, "%s/program", directory);
  run_bare("gcc", compiler, (const char *const *)environ);
  run_bare(path, alone, (const char *const *)environ);
  if (unlink("main.c") || unlink("program") || chdir("/") || rmdir(directory)) fail(directory);
}

static void run_in_cell(struct turno_cell *cell, const char *program) {
  char output[64];
  struct turno_result result;
  int out = memfd_create("out", MFD_CLOEXEC);
  struct turno_run run = {.program = program, .input = -1, .output = out};
  if (turno_cell_run(cell, &run, &result) || result.exit_code || pread(out, output, sizeof output, 0) != 6) {
    fprintf(stderr, "%s exit %d\n", result.error, result.exit_code);
    exit(1);
  }
  close(out);
}

static void compile_in_cell(struct turno_cell *cell) {
  const char *const compiler[] = {COMPILER}, *const environment[] = {"PATH=/usr/bin:/bin", "TMPDIR=/tmp", NULL};
  struct turno_result result;
  char path[32];
  const int source = memfd_create("source", MFD_CLOEXEC), product = memfd_create("product", MFD_CLOEXEC);
  write_new_source(source);
  fchmod(product, 0755);
  const struct turno_file in = {"main.c", source}, out = {"program", product};
  const struct turno_run run = {.path = "/usr/bin/gcc", .arguments = compiler, .environment = environment, .input = -1, .output = -1,
                                .in_files = &in, .in_count = 1, .out_files = &out, .out_count = 1, .cpu_ns = UINT64_C(10000000000),
                                .wall_ns = UINT64_C(60000000000), .memory_bytes = UINT64_C(1) << 30};
  if (turno_cell_run(cell, &run, &result) || result.exit_code) fprintf(stderr, "gcc: %s exit %d\n", result.error, result.exit_code), exit(1);
  snprintf(path, sizeof path, "/proc/self/fd/%d", product);
  run_in_cell(cell, path);
  close(source), close(product);
}

struct lane {
  void (*bare)(void);          /* or */
  void (*in_cell)(struct turno_cell *);
  struct turno_cell *cell;
  double until_s;
  long runs;
};

static void hello_bare(void) {
  const char *const alone[] = {hello, NULL};
  run_bare(hello, alone, (const char *const *)environ);
}

static void hello_in_cell(struct turno_cell *cell) { run_in_cell(cell, hello); }

static const struct {
  const char *name;
  void (*bare)(void);
  void (*in_cell)(struct turno_cell *);
} ways[] = {{"bare", hello_bare, NULL},     {"cell", NULL, hello_in_cell},          {"bwrap", run_wrapped, NULL},
            {"gcc-bare", compile_bare, NULL}, {"gcc-cell", NULL, compile_in_cell}};

static void *run_lane(void *argument) {
  struct lane *lane = argument;
  for (lane->runs = 0; now_s() < lane->until_s; lane->runs++) {
    if (lane->in_cell) lane->in_cell(lane->cell);
    else lane->bare();
  }
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[MOST_LANES];
  struct lane lanes[MOST_LANES] = {0};
  struct turno_result result;
  size_t way = 0;
  while (argc == 5 && way < sizeof ways / sizeof *ways && strcmp(ways[way].name, argv[1])) way++;
  if (argc != 5 || way == sizeof ways / sizeof *ways) return fprintf(stderr, "usage: spawn WAY EXECUTABLE SECONDS PARALLEL\n"), 2;
  hello = argv[2];
  int count = atoi(argv[4]);
  if (count < 1 || count > (ways[way].bare == compile_bare ? 1 : MOST_LANES)) return fprintf(stderr, "PARALLEL: 1 to %d\n", MOST_LANES), 2;
  for (int i = 0; i < count; i++) {
    lanes[i] = (struct lane){.bare = ways[way].bare, .in_cell = ways[way].in_cell};
    if (!lanes[i].in_cell) continue;
    lanes[i].cell = turno_cell_open(NULL, &result);
    if (!lanes[i].cell) return fprintf(stderr, "%s\n", result.error), 1;
    lanes[i].in_cell(lanes[i].cell); /* the executable is in the cell from now on */
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
