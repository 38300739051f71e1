/*
 * Makes a template of CPython: the interpreter is started as `python3 FILE` starts it, up to the point where it would open
 * FILE, and stands there. What it does after that is Py_RunMain(), the very function that python3 itself calls, so tracebacks,
 * exit codes and sys.path[0] are not imitated. How its end is made short: ending.c.
 *
 * Works with the shared library of Python 3.8 or later, and with executables that export its functions. Where one is
 * missing the template ends before it stands, and runs are fresh. Nothing of Python's headers is needed: the configuration
 * is only ever passed by address, and PyStatus has had one layout since it exists.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>

#include "ending.h"
#include "stop.h"

#define MOST_CONFIG_BYTES 8192 /* sizeof(PyConfig) is 432 in 3.11 */

#define LOST_OUTPUT 120 /* what python3 exits with */

struct status {
  int type;
  const char *function, *message;
  int exit_code;
};

/* Names of modules, a line each; mostly there is no such file (src/languages/preload.ts). */
#define PRELOAD_LIST "/exe/template.modules"

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

static int threads(void) {
  DIR *tasks = opendir("/proc/self/task");
  int count = 0;
  for (const struct dirent *entry; tasks && (entry = readdir(tasks));) count += entry->d_name[0] != '.';
  if (tasks) closedir(tasks);
  return count;
}

/*
 * Imports what every run shall find imported already. A fork takes only one thread along: where an import has started
 * another, or does not succeed in the cell, there is no template and runs are fresh. 1 = something was imported.
 */
static int preload(void) {
  FILE *list = fopen(PRELOAD_LIST, "re");
  void *(*import)(const char *) = (void *(*)(const char *))function("PyImport_ImportModule");
  char name[512];
  if (!list) return 0;
  while (fgets(name, sizeof name, list)) {
    name[strcspn(name, "\n")] = '\0';
    if (*name && !import(name)) leave();
  }
  fclose(list);
  if (threads() != 1) leave();
  return 1;
}

/* numpy's own generator is seeded when it is imported; without this every run of a template would draw the same numbers. */
static void seed_again(void) {
  void *(*string)(const char *) = (void *(*)(const char *))function("PyUnicode_FromString");
  void *(*imported)(void *) = (void *(*)(void *))function("PyImport_GetModule");
  void *(*call_method)(void *, const char *, const char *, ...) = (void *(*)(void *, const char *, const char *, ...))function("PyObject_CallMethod");
  void (*forget_error)(void) = (void (*)(void))function("PyErr_Clear");
  void *name = string("numpy.random"), *module = name ? imported(name) : NULL;
  if (module && !call_method(module, "seed", NULL)) forget_error();
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
  ending_before_start();
  init_config(config);
  must(set_arguments(config, argc, argv));
  must(initialize(config));
  clear(config);
  const int preloaded = preload();
  ending_prepare();
  template_stop();
  after_fork();
  ending_arm();
  if (preloaded) seed_again();
  const int code = run_main();
  return ending_failed() ? LOST_OUTPUT : code;
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
