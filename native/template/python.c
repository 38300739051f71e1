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

#include "stop.h"

#define MOST_CONFIG_BYTES 8192 /* sizeof(PyConfig) is 432 in 3.11 */

struct status {
  int type;
  const char *function, *message;
  int exit_code;
};

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
  template_stop();
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
