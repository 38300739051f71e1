/*
 * turno_run.h - run a program under limits, in a sandbox, and learn how it ended.
 *
 *     struct turno_run run = {.program = "/path/to/executable"};
 *     struct turno_result result;
 *     if (turno_run(&run, &result)) fprintf(stderr, "%s\n", result.error);
 *     else printf("exit %d after %.3f s of CPU\n", result.exit_code, result.cpu_ns / 1e9);
 *
 * Link with -lturno_run. The work is done by the program turno-cell, found by $TURNO_CELL, else beside the calling
 * executable, else on the PATH. It is the same sandbox that the turno server uses.
 *
 * Making a sandbox takes milliseconds, a run in one that is there a fraction of one. Who runs many programs keeps a cell:
 *
 *     struct turno_cell *cell = turno_cell_open(NULL, &result);
 *     for (...) turno_cell_run(cell, &run, &result);
 *     turno_cell_close(cell);
 *
 * THREADS
 *   A cell is used by one thread at a time; different cells may be used by different threads. The thread that opens a cell
 *   must outlive it (see Caveats).
 *
 * WHAT THE PROGRAM SEES
 *   Its working directory is /box, empty but for the files it was given, and gone after the run. /usr, /bin and /lib* are
 *   the host's, read-only. No network, no other processes, no capabilities, another uid. Between two runs in one cell
 *   nothing survives.
 */
#ifndef TURNO_RUN_H
#define TURNO_RUN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which limit ended the run. Several at once: the first that was reached. */
enum turno_limit {
  TURNO_NO_LIMIT = 0,
  TURNO_CPU_LIMIT = 1,
  TURNO_WALL_LIMIT = 2,
  TURNO_MEMORY_LIMIT = 3,
  TURNO_OUTPUT_LIMIT = 4,
  TURNO_FILE_LIMIT = 5,
  TURNO_PROCESSES_LIMIT = 6 /* it ended nobody: fork() or pthread_create() failed, and the program went on from there */
};

/* What the box was full of when the run had ended. It ended nobody: write() or open() failed with ENOSPC. */
enum turno_box_full {
  TURNO_BOX_NOT_FULL = 0,
  TURNO_BOX_FULL_OF_BYTES = 1, /* box_bytes */
  TURNO_BOX_FULL_OF_FILES = 2  /* 65,536 files, directories and links */
};

/* A file to put into the box, or to bring out of it. */
struct turno_file {
  const char *name; /* inside: relative, `/` between its parts, no `..` */
  int descriptor;   /* in: read from its start. Out: written from its start; not truncated first */
};

/* One run. Zero means the default, so a designated initialiser with `program` alone is complete. */
struct turno_run {
  const char *program;            /* executable file of the host; copied into the cell as /exe/program. Or NULL: see path */
  const char *path;               /* default /exe/program; otherwise a path inside, such as /usr/bin/python3 */
  const char *const *arguments;   /* NULL-terminated, with argv[0]; default: the path alone */
  const char *const *environment; /* NULL-terminated NAME=value; default PATH=/usr/local/bin:/usr/bin:/bin */

  int input;          /* descriptor for stdin. Default 0: the caller's own; -1: empty */
  int output, errors; /* for stdout and stderr: regular files, memfds or pipes; 0 or -1: not kept */
  const struct turno_file *in_files;
  size_t in_count; /* at most 239 in- and out-files together */
  const struct turno_file *out_files;
  size_t out_count; /* brought out only after exit 0 without a limit reached */

  /* Limits: unit, default, and what the program sees when it comes to them. */
  uint64_t cpu_ns;       /* 2 s, all its processes together: SIGKILL */
  uint64_t wall_ns;      /* 6 s, running or asleep, not waiting for a core: SIGKILL */
  uint64_t memory_bytes; /* 256 MiB, all processes, their files in the box included: SIGKILL. Without control groups it is
                            the address space of each process: malloc() returns NULL */
  uint64_t output_bytes; /* 1 MiB, stdout and stderr each: SIGXFSZ or, through a pipe, SIGKILL */
  uint64_t file_bytes;   /* 16 MiB, the largest file: SIGXFSZ; ignored, write() fails with EFBIG */
  uint64_t box_bytes;    /* 64 MiB, all files together, of which there may be 65,536: write() or open() fails with ENOSPC */
  uint64_t stack_bytes;  /* 0 = as large as memory allows: SIGSEGV */
  uint32_t processes;    /* 64, threads included: fork() and pthread_create() fail with EAGAIN */
  uint32_t open_files;   /* 256: open() fails with EMFILE */
  int pipe_output;       /* not 0: stdout and stderr are pipes to the program, copied by the cell. For programs that open
                            /dev/stdout, which on a file would start again at its beginning */
};

struct turno_result {
  int exit_code;          /* 0 to 255, or -1 when a signal ended it. 126: the file is no executable */
  int signal;             /* number, real-time signals too, or 0 */
  enum turno_limit limit; /* only this says that a limit was reached: programs can send themselves any signal */
  enum turno_box_full box_full; /* looked at when it did not end with exit code 0 */
  uint64_t cpu_ns;        /* all its processes */
  uint64_t wall_ns;       /* running or asleep */
  uint64_t waited_ns;     /* runnable without a core */
  uint64_t memory_bytes;  /* peak */
  uint64_t output_bytes, error_bytes; /* written to stdout and stderr */
  int blocked_call;       /* number of the system call for which the sandbox ended it (signal SIGSYS), or -1 */
  char blocked_name[40];  /* its name; "of the 32-bit interface" when it belongs to that */
  unsigned out_missing;   /* out-files that were not there, not regular, or too large */
  unsigned backend;       /* TURNO_BACKEND_* of layout.h: what protected and measured this run */
  char error[256];        /* after -1: what failed, on what, and what to do */
};

/* How cells are made. Zero means the default. */
struct turno_settings {
  const char *cell;    /* path of turno-cell */
  const char *backend; /* "auto": the strongest there is. root-v1, root-v2, root-plain, user: this one or an error */
  unsigned uid;        /* as root: two ids from here on are used, by nobody else on the machine. Default 64100 + a number
                          of the process's own for each cell */
  const char *const *mounts; /* NULL-terminated: directories of the host, read-only at the same path */
};

struct turno_cell;

/* Returns a cell, or NULL with result->error. `settings` may be NULL. */
struct turno_cell *turno_cell_open(const struct turno_settings *settings, struct turno_result *result);

/*
 * Runs and waits for the end. Returns 0 when the program was run, however it ended, and -1 when it was not: result->error
 * says why, and the cell must be closed and another opened.
 */
int turno_cell_run(struct turno_cell *cell, const struct turno_run *run, struct turno_result *result);

void turno_cell_close(struct turno_cell *cell);

/* All three in one. */
int turno_run(const struct turno_run *run, struct turno_result *result);

/*
 * CAVEATS
 *
 *   A cell dies with the thread that opened it (the kernel ties PR_SET_PDEATHSIG to threads). Open cells in a thread that
 *   lives as long as they do.
 *
 *   An in-file or program must not change while keeping its inode, size and times: it is kept in the cell between runs and
 *   recognised by these. Write a new file and rename it.
 *
 *   A memfd given as input can be opened for writing by the program through /proc/self/fd/0. fchmod(fd, 0444) prevents it.
 *
 *   Descriptors given for several runs share one offset: reading begins where the run before left off. lseek() first.
 *
 *   A program that fills a pipe given as output waits until you read. turno_cell_run() does not return meanwhile: read from
 *   another thread, or give a file.
 *
 *   SIGCHLD: the library starts one child per cell and waits for it in turno_cell_close(). A program that ignores SIGCHLD or
 *   reaps every child loses nothing but the exit status of the cell.
 */

#ifdef __cplusplus
}
#endif
#endif
