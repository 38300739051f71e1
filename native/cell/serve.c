/*
 * PID 1 of a cell.
 *
 * Locked down once; programs inherit what is locked. Then for each request: fill the box, run (watch.c), bring files out,
 * clean up, answer. The answer is sent when everything is clean, so whoever has it may send the next request at once.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "box.h"
#include "control.h"
#include "ns.h"
#include "report.h"
#include "root.h"
#include "seccomp.h"
#include "template.h"
#include "turn.h"
#include "unchanged.h"
#include "unsafe.h"
#include "watch.h"
#include "weak.h"

/* What /proc of the host calls this process: the host rings and kills by that number. Before the root is changed. */
static uint32_t pid_at_host(void) {
  char text[32] = "";
  ssize_t length = readlink("/proc/self", text, sizeof text - 1);
  return length > 0 ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

/*
 * Limits that are the same for every run; those of a single run are set in its child. Of core 1 and not 0: where the core pattern of
 * the host is a program (systemd-coredump, apport), the kernel starts that as root at every crash, whatever the limit, but for 1.
 */
static void limit_for_good(void) {
  static const struct {
    __rlimit_resource_t resource;
    rlim_t value;
  } limits[] = {{RLIMIT_CORE, 1},   {RLIMIT_MEMLOCK, 0},     {RLIMIT_MSGQUEUE, 0}, {RLIMIT_NICE, 0},
                {RLIMIT_RTPRIO, 0}, {RLIMIT_SIGPENDING, 1024}};
  if (weakened("limits")) return;
  for (uint32_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit now;
    if (getrlimit(limits[i].resource, &now)) die(STEP_LIMITS, i, errno, "getrlimit");
    rlim_t value = limits[i].value < now.rlim_max ? limits[i].value : now.rlim_max;
    if (setrlimit(limits[i].resource, &(struct rlimit){value, value})) die(STEP_LIMITS, i, errno, "setrlimit");
  }
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 1024 && files.rlim_max >= 1024) {
    files.rlim_cur = 1024; /* a request brings up to 243 descriptors */
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

/* Blocked beside those that are watched: SIGPIPE, of a host that reads no more. It would end who is not the first of a namespace. */
static int open_signals(void) {
  sigset_t watched, blocked;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGRTMIN);
  sigaddset(&watched, SIGRTMIN + 1);
  blocked = watched;
  sigaddset(&blocked, SIGPIPE);
  if (sigprocmask(SIG_SETMASK, &blocked, NULL)) die(STEP_WATCH, 2, errno, "sigprocmask");
  int signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) die(STEP_WATCH, 3, errno, "signalfd");
  return signals;
}

/* Without namespaces, without a filter: PID 1 is none, and programs are told apart by their uid at most. */
static void lock_down_barely(struct cell *cell, const struct arguments *arguments) {
  cell->host_pid = (uint32_t)getpid();
  cell->held_calls = -1;
  cell->signals = open_signals();
  turn_map(cell, arguments->turns, arguments->slot);
  unsafe_enter(cell);
  identity_lock(cell, false);
  limit_for_good();
  cell->backend |= TURNO_BACKEND_SCHED_IDLE;
}

static void lock_down(struct cell *cell, const struct arguments *arguments, bool user_namespace) {
  if (user_namespace) {
    identity_map(cell); /* before the first file: an owner that is not mapped cannot be stored */
    cell->backend |= TURNO_BACKEND_USER_NAMESPACE;
  }
  cell->host_pid = pid_at_host();
  cell->signals = open_signals();
  turn_map(cell, arguments->turns, arguments->slot);
  if (sethostname("turno", 5)) die(STEP_NAMESPACES, 1, errno, "sethostname");
  root_make(cell, arguments);
  identity_lock(cell, !user_namespace);
  limit_for_good();
  groups_enter(&cell->groups);
  seccomp_load(cell);
  cell->backend |= cell->groups.backend | TURNO_BACKEND_PID_NAMESPACE | TURNO_BACKEND_MOUNT_NAMESPACE |
                   TURNO_BACKEND_NETWORK_NAMESPACE | TURNO_BACKEND_SECCOMP | TURNO_BACKEND_SCHED_IDLE;
}

static void say_hello(const struct cell *cell) {
  report_send(&(struct turno_cell_report){.magic = TURNO_CELL_MAGIC,
                                          .kind = TURNO_REPORT_HELLO,
                                          .signature = TURNO_CELL_SIGNATURE,
                                          .pid = cell->host_pid,
                                          .backend = cell->backend});
}

/* False: the host has gone. */
static bool serve_one(struct cell *cell, struct request *request) {
  const struct turno_cell_request *fixed = &request->fixed;
  struct turno_cell_report report = {
      .magic = TURNO_CELL_MAGIC, .kind = TURNO_REPORT_RESULT, .run = fixed->run, .blocked_syscall = -1};
  unsafe_translate(cell, request);
  box_prepare(cell, request);
  template_review(cell, request);
  /* A template is made while the box is empty, so nothing of a submission can get into it: then the run fills the box. */
  if (!(fixed->flags & TURNO_RUN_WARM)) box_fill(cell, request);
  groups_limit(&cell->groups, fixed->memory_bytes, fixed->processes);
  if (!watch_run(cell, request, &report)) return false;
  bool brought = report.end == TURNO_END_EXITED && report.code == 0 && (report.limit == TURNO_LIMIT_NONE || report.limit == TURNO_LIMIT_PROCESSES);
  report.out_missing = brought ? box_bring_out(cell, request) : fixed->out_count;
  request_close(request);
  box_wipe(cell);
  unchanged_check();
  groups_end(&cell->groups);
  turn_state(cell, fixed->run, TURNO_SLOT_IDLE);
  report_send(&report);
  return true;
}

_Noreturn void serve(struct cell *cell, const struct arguments *arguments, bool user_namespace) {
  if (arguments->backend == BACKEND_UNSAFE) lock_down_barely(cell, arguments);
  else lock_down(cell, arguments, user_namespace);
  report_before_death(watch_abandon);
  unchanged_remember();
  turn_announce(cell);
  say_hello(cell);
  for (struct request *request; (request = request_receive(cell));) {
    if (!serve_one(cell, request)) break;
  }
  exit(0);
}
