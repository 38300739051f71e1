/* A host in C, for tests and benches: starts a cell, sends it runs, takes the results. */
#ifndef TURNO_TEST_HOST_H
#define TURNO_TEST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "layout.h"

struct host {
  pid_t keeper;
  int control;
  struct turno_turns_header *turns;
  struct turno_slot *slot;
  struct turno_cell_report hello;
  uint32_t run; /* number of the last run */
};

struct file {
  const char *name; /* with the letter: `b...` or `x...` for in-files */
  int descriptor;
};

/* One run; what is 0 gets the defaults of the API. */
struct wish {
  const char *path;
  const char *const *arguments;   /* NULL-terminated, argv[0] included; NULL = the path alone */
  const char *const *environment; /* NULL-terminated; NULL = PATH only */
  const char *input;
  const struct file *in_files;
  size_t in_count;
  const struct file *out_files;
  size_t out_count;
  uint32_t flags, processes, open_files;
  uint64_t cpu_ms, wall_ms, memory_bytes, output_bytes, file_bytes, box_bytes, stack_bytes, out_bytes;
  uint64_t template; /* number of the template; flags must have TURNO_RUN_WARM and an in-file be `xtemplate.so` */
  uint64_t template_cpu_ms; /* 0 = 2 s */
  bool held;     /* WANTED stays `wait`: the test gives the word itself */
  bool no_pipes; /* keep no output */
};

struct outcome {
  struct turno_cell_report report;
  char out[65536], err[8192];
  size_t out_bytes, err_bytes;
};

/* Path of turno-cell: $TURNO_CELL. */
const char *host_cell(void);

/* Starts a cell of `backend` in slot 0; `more` are further arguments, NULL-terminated, or NULL. Aborts when it says no hello. */
void host_start(struct host *host, const char *backend, const char *const *more);
/* The same, but false when it ended with an error report, which is then in host->hello. */
bool host_try(struct host *host, const char *backend, const char *const *more);

/* Sends the run; the result is taken by host_result(). */
void host_send(struct host *host, const struct wish *wish, int streams[3]);
/* False: the control socket ended without a report. */
bool host_result(struct host *host, struct turno_cell_report *report);
/* Both, with the output. */
struct outcome *host_run(struct host *host, const struct wish *wish);

/* The same for C source text, compiled first. */
struct outcome *host_program(struct host *host, const char *source, struct wish wish);
/* The same for a script of /bin/sh; environment may be NULL. */
struct outcome *host_shell(struct host *host, const char *script, const char *const *environment);

/* Writes WANTED of the present run and rings. */
void host_want(struct host *host, uint32_t wanted);

/* Closes the control socket and waits for the keeper: its exit status. */
int host_end(struct host *host);

/* Compiles C source text (static): a descriptor of the executable. $TURNO_COMPILED: directory where it is kept for who needs the same. */
int compiled(const char *source);
/* A memfd with this text. */
int memory_file(const char *text);

#endif
