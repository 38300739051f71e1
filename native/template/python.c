/*
 * Makes a template of CPython: the interpreter is started as `python3 FILE` starts it, up to the point where it would open
 * FILE, and stands there. What it does after that is Py_RunMain(), the very function that python3 itself calls, so tracebacks,
 * exit codes, sys.path[0] and what happens at the end are not imitated.
 *
 * Works with the shared library of Python 3.8 or later, and with executables that export its functions. Where one is
 * missing the template ends before it stands, and runs are fresh. Nothing of Python's headers is needed: the configuration
 * is only ever passed by address, and PyStatus has had one layout since it exists.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "stop.h"

#define MOST_RANGES 512
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define MOST_CONFIG_BYTES 8192 /* sizeof(PyConfig) is 432 in 3.11 */

struct status {
  int type;
  const char *function, *message;
  int exit_code;
};

#define PAGE 4096ul
#define PRESENT (1ull << 63)
#define OF_FILE (1ull << 61)

static struct range {
  unsigned long start, end;
} ranges[MOST_RANGES];
static size_t range_count;

/* A page in use; small gaps are taken along. When there is no room left the rest is copied page by page, as ever. */
static void add_page(unsigned long page) {
  struct range *last = range_count ? &ranges[range_count - 1] : NULL;
  if (last && page >= last->end && page - last->end <= 2 * PAGE) last->end = page + PAGE;
  else if (range_count < MOST_RANGES) ranges[range_count++] = (struct range){page, page + PAGE};
}

static void add_pages_in_use(int pagemap, unsigned long start, unsigned long end) {
  static uint64_t entries[512];
  for (unsigned long at = start; at < end; at += sizeof entries / sizeof *entries * PAGE) {
    ssize_t bytes = pread(pagemap, entries, sizeof entries, (off_t)(at / PAGE * sizeof *entries));
    for (ssize_t i = 0; i < bytes / (ssize_t)sizeof *entries; i++) {
      const unsigned long page = at + (unsigned long)i * PAGE;
      if (page < end && (entries[i] & PRESENT) && !(entries[i] & OF_FILE)) add_page(page);
    }
  }
}

/*
 * What the interpreter has written so far: its heap and its data. Nearly all of it is written again by every run, the end of
 * the interpreter at the latest, and a copy made on writing costs three times one that is asked for. It is charged to the run
 * then, as it is in a fresh one.
 */
static void list_pages_in_use(void) {
  FILE *maps = fopen("/proc/self/maps", "re");
  int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  char line[512], rights[8];
  unsigned long start, end;
  while (maps && pagemap >= 0 && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3 && !strcmp(rights, "rw-p")) add_pages_in_use(pagemap, start, end);
  }
  if (maps) fclose(maps);
  if (pagemap >= 0) close(pagemap);
}

/* Before Linux 5.14 this fails, and they are copied one by one. */
static void copy_pages_in_use(void) {
  for (size_t i = 0; i < range_count; i++) madvise((void *)ranges[i].start, ranges[i].end - ranges[i].start, MADV_POPULATE_WRITE);
}

typedef int main_function(int, char **, char **);

static void *function(const char *name) {
  void *found = dlsym(RTLD_DEFAULT, name);
  if (!found) leave();
  return found;
}

static void must(struct status status) {
  int (*failed)(struct status) = (int (*)(struct status))function("PyStatus_Exception");
  if (failed(status)) leave();
}

static int run(int argc, char **argv, char **environment) {
  static char config[MOST_CONFIG_BYTES] __attribute__((aligned(16)));
  (void)environment;
  void (*init_config)(void *) = (void (*)(void *))function("PyConfig_InitPythonConfig");
  struct status (*set_arguments)(void *, ssize_t, char *const *) = (struct status (*)(void *, ssize_t, char *const *))function("PyConfig_SetBytesArgv");
  struct status (*initialize)(const void *) = (struct status (*)(const void *))function("Py_InitializeFromConfig");
  void (*clear)(void *) = (void (*)(void *))function("PyConfig_Clear");
  void (*after_fork)(void) = (void (*)(void))function("PyOS_AfterFork_Child");
  int (*run_main)(void) = (int (*)(void))function("Py_RunMain");
  init_config(config);
  must(set_arguments(config, argc, argv));
  must(initialize(config));
  clear(config);
  list_pages_in_use();
  template_stop();
  copy_pages_in_use();
  after_fork();
  return run_main();
}

typedef int start_function(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void), void (*fini)(void), void (*loader_fini)(void), void *stack_end);

/* Every program comes by here on its way to main(), which becomes run(). */
__attribute__((visibility("default"))) int __libc_start_main(main_function *program, int argc, char **argv, void (*init)(void),
                                                             void (*fini)(void), void (*loader_fini)(void), void *stack_end) {
  (void)program;
  take_out_marks(argv + argc + 1);
  start_function *start = (start_function *)dlsym(RTLD_NEXT, "__libc_start_main");
  if (!start) leave();
  return start(run, argc, argv, init, fini, loader_fini, stack_end);
}
