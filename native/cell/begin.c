/*
 * How a program is to start, before it does: its streams, its share of the processes; and whose fault it is if it cannot.
 */
#include "begin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "family.h"
#include "ns.h"
#include "report.h"
#include "weak.h"

/*
 * A file that is there but cannot be executed (ENOEXEC, a missing interpreter of its own) is the program's fault and ends
 * like a shell says it, 126. A path that is not there at all is turno's: a language was promised that is not installed.
 */
void begin_judge_failure(struct run *run, const struct request *request, const struct launch *launch) {
  bool there = launch->step == STEP_EXEC && access(request->path, F_OK) == 0;
  bool of_program = there && (launch->error == ENOEXEC || launch->error == EACCES || launch->error == ENOENT ||
                              launch->error == ELIBBAD || launch->error == EINVAL || launch->error == ENOMEM ||
                              launch->error == ENOTDIR || launch->error == ELOOP ||
                              launch->error == E2BIG /* a quarter of its stack is too small for its arguments */);
  if (!of_program) die(launch->step, launch->index, launch->error, "%s", request->path);
  if (launch->error == ENOMEM) run->limit = TURNO_LIMIT_MEMORY;
  run->ended = true;
  run->end.si_code = CLD_EXITED;
  run->end.si_status = 126;
}

/*
 * A regular file given as stdin with the right to write is opened anew without it (-1: not needed): what a program could
 * change it could change for the next run. The other half is the host's: a memfd's mode must not let it be opened for
 * writing through /proc/self/fd/0 (fchmod 0444, or a seal).
 */
static int read_only(const struct cell *cell, int file) {
  struct stat status;
  if (weakened("stdin")) return -1;
  if (fstat(file, &status) || !S_ISREG(status.st_mode) || (fcntl(file, F_GETFL) & O_ACCMODE) == O_RDONLY) return -1;
  char path[32];
  snprintf(path, sizeof path, "self/fd/%d", file);
  int opened = openat(cell->processes, path, O_RDONLY | O_CLOEXEC);
  if (opened < 0) die(STEP_STREAM, 8, errno, "opening stdin without the right to write");
  return opened;
}

/* RLIMIT_NPROC counts by uid: with one uid for both, PID 1 is one of them; without a sandbox the whole user is. */
static uint32_t processes_beside(const struct cell *cell) {
  if (cell->groups.processes_limit >= 0 || cell->own_uid != cell->program_uid) return 0;
  return family_is_bare(cell) ? family_tasks_of_user(cell) : 1;
}

struct launch begin_prepare(struct run *run, const struct request *request, int *input) {
  const struct turno_cell_request *fixed = run->fixed;
  bool pumped = fixed->flags & TURNO_RUN_PIPE_OUTPUT || fixed->file_bytes < fixed->output_bytes;
  struct launch launch = {.cell = run->cell, .request = request, .environment = request->environment, .socket = -1};
  *input = read_only(run->cell, request->streams[0]);
  launch.streams[0] = *input >= 0 ? *input : request->streams[0];
  for (int i = 1; i < 3; i++) launch.streams[i] = request->streams[i];
  /* Pipes belong to the program, or it could not open /dev/stdout. */
  if (pumped) identity_for_files(run->cell, true);
  for (int i = 0; pumped && i < 2; i++) launch.streams[1 + i] = pump_open(&run->pumps[i], request->streams[1 + i], fixed->output_bytes);
  if (pumped) identity_for_files(run->cell, false);
  launch.others = processes_beside(run->cell);
  /* One byte more than the limit, so that output beyond it can be told from output that just reached it. */
  launch.file_bytes = !pumped && fixed->file_bytes <= fixed->output_bytes ? fixed->output_bytes + 1 : fixed->file_bytes;
  return launch;
}

void begin_close(const struct request *request, const struct launch *launch, int input) {
  if (input >= 0) close(input);
  for (int i = 1; i < 3; i++) {
    if (launch->streams[i] != request->streams[i]) close(launch->streams[i]);
  }
}
