/*
 * One run: waiting for the word, watching the program, ending it.
 *
 * PID 1 sleeps in ppoll and is woken by
 *
 *     the signalfd    SIGCHLD: somebody ended or stopped; SIGRTMIN, the doorbell: look at WANTED; SIGRTMIN + 1: SIGUSR1
 *                     for the program
 *     the control     its end: the host has gone
 *     the pumps       output to hand on
 *     the alarm       the memory group is full
 *     the filter      a system call that ends the run
 *     the timeout     what is left of the CPU or wall limit: only then the clocks are read
 *
 * Whatever woke it, it looks at everything. The timeout for CPU is what is left divided by the cores, since no faster can
 * the processes of a run use it up; a run of one thread on two cores is looked at about ten times, whatever its limit.
 *
 * Three clocks of a run: CPU (all processes), wall (on the lane, running or asleep), waited (stopped, or in the run queue of
 * the kernel). Time stopped never counts for a limit; run delay is subtracted from wall, as far as the processes alive at
 * that moment tell.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "box.h"
#include "family.h"
#include "measure.h"
#include "ns.h"
#include "outcome.h"
#include "pump.h"
#include "report.h"
#include "retry.h"
#include "run.h"
#include "seccomp.h"
#include "template.h"
#include "turn.h"

/* A stopped run is looked at this often until it has stood still once, and ended when it has gone on for this long. */
#define STILL_LOOK_NS 10000000ull
#define STILL_PATIENCE_NS 1000000000ull
#define SHORTEST_DELAYED_NS 2000000ull /* shorter runs are not worth 15 us for finding out how long they waited */
#define STOP_PASSES 50
/* A template being made: it may use this, and is given up after so long. */
#define WARMING_BYTES (256ull << 20)
#define WARMING_PROCESSES 4
#define WARMING_LOOK_NS 5000000
#define WARMING_PATIENCE_NS 10000000000ull
#define MEMORY_LOOK_NS 20000000ull /* where no group keeps the memory limit */
/* After a tick CPU time of what runs has been counted (cpuacct is brought up to date by the tick: 1 to 10 ms). */
#define CORE_LOOK_NS 10000000ull
/* Clocks are not looked at more often than this; a limit is overrun by at most this much per core. */
#define SHORTEST_LOOK_NS 500000ull

static struct run *current;

/*
 * One SIGSTOP to all is not always enough: a process on another core may be in the middle of sending SIGCONT, which takes
 * the stop back from those that had it already. So the states are looked at, and the signal repeated until nobody moves.
 * Bounded, because a long system call (a write of 100 MB) ends before its process stops; look_at_stopped() comes back to it.
 */
static void stop_all(const struct run *run) {
  for (int pass = 0; pass < STOP_PASSES; pass++) {
    family_signal(run->cell, SIGSTOP);
    if (!measure_moving(run->cell)) return;
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
  }
}

static void stop(struct run *run) {
  stop_all(run);
  run->stopped_since_ns = now_ns();
  run->stopped = true;
  run->still = false;
  run->cpu_at_stop_ns = run->cpu_at_look_ns = outcome_cpu_ns(run);
  turn_stopped(run->cell, run->fixed->run, run->cpu_at_stop_ns, measure_memory_bytes(run->cell));
}

/*
 * A word may be taken back in the very moment it is obeyed. So running is announced first, and then the word is read once
 * more; the scheduler does it the other way round (the word first, then a look at the state). Either it sees `running`, and
 * waits for `stopped`, or we see that we must not.
 */
static bool may_run(const struct run *run) {
  turn_state(run->cell, run->fixed->run, TURNO_SLOT_RUNNING);
  if (turn_wanted(run->cell, run->fixed->run) == TURNO_WANTED_RUN) return true;
  turn_stopped(run->cell, run->fixed->run, run->cpu_at_stop_ns, run->pid ? measure_memory_bytes(run->cell) : 0);
  return false;
}

static void go_on(struct run *run) {
  if (!may_run(run)) return;
  run->delay_ns = outcome_delay_ns(run);
  run->delay_at_turn_ns = measure_delay_ns(run->cell);
  run->cpu_at_turn_ns = outcome_cpu_ns(run);
  run->turn_since_ns = now_ns();
  run->stopped_ns += run->turn_since_ns - run->stopped_since_ns;
  run->wall_is_up = false;
  run->stopped = false;
  family_signal(run->cell, SIGCONT);
}

/*
 * Nothing should be able to go on when it was stopped. A system call that is under way may finish (a write of 100 MB), so
 * what still moves is looked at again; what does not come to rest at all has found a way around, and loses the run.
 */
static void look_at_stopped(struct run *run) {
  uint64_t now = outcome_cpu_ns(run);
  run->still = now == run->cpu_at_look_ns;
  run->cpu_at_look_ns = now;
  if (now - run->cpu_at_stop_ns > STILL_PATIENCE_NS) run->limit = TURNO_LIMIT_CPU;
  else if (!run->still) stop_all(run);
}

static void obey(struct run *run) {
  uint32_t wanted = turn_wanted(run->cell, run->fixed->run);
  if (wanted == TURNO_WANTED_KILL) run->limit = TURNO_LIMIT_CANCELLED;
  else if (wanted == TURNO_WANTED_RUN && run->stopped) go_on(run);
  else if (wanted != TURNO_WANTED_RUN && !run->stopped) stop(run);
}

/* Reaps what came to PID 1 as an orphan; the main program is left as a zombie, whose clocks can still be read. */
static void look_at_children(struct run *run) {
  for (;;) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT)) die(STEP_REAP, 0, errno, "waitid");
    if (info.si_pid == 0) return;
    if (info.si_pid == run->pid) {
      run->ended = true;
      run->end = info;
      return;
    }
    waitpid(info.si_pid, NULL, WNOHANG);
    template_reaped(run->cell, info.si_pid);
  }
}

/* Without a memory group: address space bounds each process, and this bounds all of them, if they are not too quick. */
static bool too_much_memory(const struct run *run) {
  if (run->cell->groups.memory_limit >= 0) return false;
  struct statfs store;
  uint64_t files = family_is_bare(run->cell) || fstatfs(run->cell->box, &store) ? 0 : (uint64_t)(store.f_blocks - store.f_bfree) * (uint64_t)store.f_bsize;
  return measure_memory_bytes(run->cell) + files > run->fixed->memory_bytes;
}

/*
 * The kernel books a wait for a core when it is over. So a run whose wall time seems to be up may be waiting since its
 * beginning, and nothing tells but this: it wants a core, and its CPU time stands still. Then nothing is decided. As soon as
 * it gets one, the wait is booked, and the clock is right.
 */
static bool waits_for_core(struct run *run) {
  const bool again = run->wall_is_up;
  const uint64_t cpu_ns = outcome_cpu_ns(run);
  const bool stands_still = !again || cpu_ns == run->cpu_at_wall_end_ns;
  run->wall_is_up = true;
  run->cpu_at_wall_end_ns = cpu_ns;
  return stands_still && measure_runnable(run->cell) > 0;
}

/* Returns how long at least no limit can be reached, or 0 when one is. */
static uint64_t look_at_clocks(struct run *run) {
  uint64_t cpu_left_ns = minus(run->fixed->cpu_ns, outcome_cpu_ns(run));
  if (!cpu_left_ns) return run->limit = TURNO_LIMIT_CPU, 0;
  uint64_t on_lane_ns = outcome_lane_ns(run);
  uint64_t wall_left_ns = minus(run->fixed->wall_ns, on_lane_ns);
  if (!wall_left_ns) wall_left_ns = minus(run->fixed->wall_ns, outcome_wall_ns(run, on_lane_ns, outcome_delay_ns(run)));
  if (!wall_left_ns && waits_for_core(run)) return CORE_LOOK_NS;
  if (!wall_left_ns) return run->limit = TURNO_LIMIT_WALL, 0;
  run->wall_is_up = false;
  if (too_much_memory(run)) return run->limit = TURNO_LIMIT_MEMORY, 0;
  uint64_t cpu_look_ns = cpu_left_ns / cores();
  uint64_t look_ns = cpu_look_ns < wall_left_ns ? cpu_look_ns : wall_left_ns;
  if (run->cell->groups.memory_limit < 0 && look_ns > MEMORY_LOOK_NS) look_ns = MEMORY_LOOK_NS;
  return look_ns > SHORTEST_LOOK_NS ? look_ns : SHORTEST_LOOK_NS;
}

/* Most signals only wake: what they are about is looked at anyway. SIGRTMIN + 1 hands SIGUSR1 on to the program. */
static void take_signals(struct run *run) {
  run->signalled = true;
  struct signalfd_siginfo signals[16];
  ssize_t bytes;
  while ((bytes = read(run->cell->signals, signals, sizeof signals)) > 0) {
    for (size_t i = 0; i < (size_t)bytes / sizeof *signals; i++) {
      if ((int)signals[i].ssi_signo == SIGRTMIN + 1 && run->pid) family_signal(run->cell, SIGUSR1);
    }
    if ((size_t)bytes < sizeof signals) return;
  }
}

static void wait_for_news(struct run *run, const struct timespec *timeout) {
  struct pollfd polled[] = {{.fd = run->cell->signals, .events = POLLIN},
                            {.fd = run->cell->control, .events = POLLIN | POLLRDHUP},
                            {.fd = run->cell->channel, .events = POLLIN},
                            {.fd = run->pumps[0].from, .events = POLLIN},
                            {.fd = run->pumps[1].from, .events = POLLIN},
                            {.fd = run->cell->groups.memory_alarm, .events = POLLIN},
                            {.fd = run->cell->held_calls, .events = POLLIN},
                            {.fd = run->warming ? template_socket() : -1, .events = POLLIN}};
  if (ppoll(polled, 8, timeout, NULL) < 0 && errno != EINTR) die(STEP_WATCH, 1, errno, "ppoll");
  if (polled[0].revents) take_signals(run);
  if (polled[1].revents) {
    if (!control_ended(run->cell)) die(STEP_REQUEST, 0, EPROTO, "the host speaks before its turn");
    run->host_gone = true;
  }
  if (polled[5].revents && groups_alarmed(&run->cell->groups) && !run->limit) run->limit = TURNO_LIMIT_MEMORY;
  if (polled[2].revents) die(STEP_KEEPER, 0, 0, "the keeper has gone");
  if (polled[6].revents & POLLIN && run->held_call < 0) seccomp_take_held(run->cell, &run->held_call, &run->held_name);
  for (int i = 0; i < 2; i++) {
    if (polled[3 + i].revents) pump_move(&run->pumps[i]);
    if (run->pumps[i].over && !run->limit) run->limit = TURNO_LIMIT_OUTPUT;
  }
}

static bool over(const struct run *run) { return run->ended || run->limit || run->held_call >= 0 || run->host_gone; }

/* Reads the clocks if it is time. Returns when it will be time again; UINT64_MAX = not before other news. */
static uint64_t look_in_time(struct run *run, uint64_t due_ns) {
  uint64_t now = now_ns();
  if (run->stopped && run->signalled) due_ns = 0; /* SIGCHLD tells of a main program that was continued */
  else if (run->stopped && run->still) return UINT64_MAX;
  run->signalled = false;
  if (now < due_ns) return due_ns;
  if (!run->stopped) return now + look_at_clocks(run);
  look_at_stopped(run);
  return run->still ? UINT64_MAX : now + STILL_LOOK_NS;
}

/* Nothing is used yet: the clocks need no look before a limit can have been reached. */
static uint64_t first_look_ns(const struct run *run) {
  uint64_t look_ns = run->fixed->cpu_ns / cores();
  if (run->fixed->wall_ns < look_ns) look_ns = run->fixed->wall_ns;
  if (run->cell->groups.memory_limit < 0 && look_ns > MEMORY_LOOK_NS) look_ns = MEMORY_LOOK_NS;
  return run->started_ns + look_ns;
}

static void watch(struct run *run) {
  uint64_t due_ns = first_look_ns(run);
  while (!over(run)) {
    due_ns = look_in_time(run, due_ns);
    if (over(run)) break;
    uint64_t left_ns = minus(due_ns, now_ns());
    const struct timespec timeout = {.tv_sec = (time_t)(left_ns / 1000000000), .tv_nsec = (long)(left_ns % 1000000000)};
    wait_for_news(run, due_ns == UINT64_MAX ? NULL : &timeout);
    look_at_children(run);
    bool was_stopped = run->stopped;
    if (!over(run)) obey(run);
    if (was_stopped != run->stopped) due_ns = run->stopped ? now_ns() + STILL_LOOK_NS : 0;
  }
}

/* Waits until the scheduler lets the run begin. False: it never will. */
static bool wait_for_turn(struct run *run) {
  turn_state(run->cell, run->fixed->run, TURNO_SLOT_WAITING);
  for (;;) {
    uint32_t wanted = turn_wanted(run->cell, run->fixed->run);
    if (wanted == TURNO_WANTED_RUN && may_run(run)) return true;
    if (wanted == TURNO_WANTED_KILL) run->limit = TURNO_LIMIT_CANCELLED;
    if (over(run)) return false;
    wait_for_news(run, NULL);
  }
}

/* Reaps until nobody is left (true) or, without `wait`, until nobody more is dead yet (false). */
static bool reap_all(struct run *run, bool wait) {
  struct rusage usage;
  for (pid_t pid; (pid = RETRY(wait4(-1, NULL, wait ? 0 : WNOHANG, &usage))) >= 0;) {
    if (pid == 0) return false;
    if (pid == run->pid) run->largest_bytes = (uint64_t)usage.ru_maxrss * 1024;
    template_reaped(run->cell, pid);
  }
  if (errno != ECHILD) die(STEP_REAP, 1, errno, "wait4");
  return true;
}

/*
 * Ends and reaps whatever is in the namespace. After ECHILD there is nobody left, since every orphan comes to PID 1. Mostly
 * that is so as soon as the main program is reaped, and kill(-1), which walks all processes of the machine, is saved. A
 * template stays when it is alone.
 */
static void end_processes(struct run *run) {
  if (run->ended && (reap_all(run, false) || template_is_alone(run->cell))) return;
  const bool bare = family_is_bare(run->cell);
  for (;;) {
    family_signal(run->cell, SIGKILL);
    if (reap_all(run, !bare)) return;
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* somebody who was missed, or has not died yet */
  }
}

/*
 * A file that is there but cannot be executed (ENOEXEC, a missing interpreter of its own) is the program's fault and ends
 * like a shell says it, 126. A path that is not there at all is turno's: a language was promised that is not installed.
 */
static void judge_failed_start(struct run *run, const struct request *request, const struct launch *launch) {
  bool there = launch->step == STEP_EXEC && access(request->path, F_OK) == 0;
  bool of_program = there && (launch->error == ENOEXEC || launch->error == EACCES || launch->error == ENOENT ||
                              launch->error == ELIBBAD || launch->error == EINVAL || launch->error == ENOMEM ||
                              launch->error == ENOTDIR || launch->error == ELOOP);
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

/* How the program is to start. What is opened for that is closed by close_streams(). */
static struct launch prepare(struct run *run, const struct request *request, int *input) {
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

static void close_streams(const struct request *request, const struct launch *launch, int input) {
  if (input >= 0) close(input);
  for (int i = 1; i < 3; i++) {
    if (launch->streams[i] != request->streams[i]) close(launch->streams[i]);
  }
}

/* A template being made is watched like a program; what it uses is no part of the run. True: it stands. */
static bool stands_in_time(struct run *run) {
  const struct timespec look = {.tv_nsec = WARMING_LOOK_NS};
  for (int answer = 0; !over(run);) {
    wait_for_news(run, &look);
    look_at_children(run);
    obey(run);
    if (answer == 0) answer = template_answered();
    if (answer < 0 || outcome_cpu_ns(run) > run->fixed->template_cpu_ns || outcome_lane_ns(run) > WARMING_PATIENCE_NS) return false;
    if (answer > 0 && !run->stopped) return true;
  }
  return false;
}

/* Has a template stand for this run, where that can be. Otherwise the program is executed, as if nothing had been. */
static void warm_up(struct run *run, const struct launch *launch) {
  const struct turno_cell_request *fixed = run->fixed;
  struct cell *cell = run->cell;
  if (!template_serves(launch) || template_stands(cell, launch)) return;
  groups_limit(&cell->groups, WARMING_BYTES, WARMING_PROCESSES);
  const uint64_t bytes = measure_memory_bytes(cell);
  run->cpu_before_ns = measure_cpu_ns(cell);
  run->started_ns = run->turn_since_ns = now_ns();
  run->warming = true;
  if (template_start(cell, launch) && stands_in_time(run)) template_keep(cell, minus(measure_memory_bytes(cell), bytes));
  else template_refuse(cell, over(run) ? 0 : fixed->template_number);
  run->warming = false;
  run->started_ns = run->stopped_ns = run->delay_ns = run->delay_at_turn_ns = 0;
  groups_limit(&cell->groups, fixed->memory_bytes, fixed->processes);
}

static void start(struct run *run, const struct request *request, struct launch *launch) {
  struct groups *groups = &run->cell->groups;
  groups_begin(groups);
  run->oom_kills_before = groups->memory_events >= 0 ? groups_oom_kills(groups) : 0;
  run->cpu_before_ns = measure_cpu_ns(run->cell);
  run->started_ns = run->turn_since_ns = now_ns();
  if (run->cell->template_pid && template_serves(launch)) run->pid = template_fork(run->cell, launch);
  run->warm = run->pid > 0;
  if (!run->warm) {
    groups_limit(groups, run->fixed->memory_bytes, run->fixed->processes); /* a template that has just gone is not added any more */
    run->pid = run_start(launch);
  }
  if (launch->step != STEP_NONE) judge_failed_start(run, request, launch);
}

/* What the program wrote last is still in the pipes; nobody can write to them any more. */
static void drain(struct run *run) {
  for (int i = 0; i < 2; i++) {
    while (run->pumps[i].from >= 0 && !run->pumps[i].over) pump_move(&run->pumps[i]);
    pump_close(&run->pumps[i]);
    if (run->pumps[i].over && !run->limit) run->limit = TURNO_LIMIT_OUTPUT;
  }
}

void watch_abandon(void) {
  if (!current) return;
  family_signal(current->cell, SIGKILL);
  turn_ended(current->cell, current->fixed->run, 0, 0);
}

bool watch_run(struct cell *cell, const struct request *request, struct turno_cell_report *report) {
  struct run run = {.cell = cell, .fixed = &request->fixed, .held_call = -1, .pumps = {{.from = -1, .to = -1}, {.from = -1, .to = -1}}};
  uint64_t on_lane_ns = 0;
  current = &run;
  if (wait_for_turn(&run)) {
    int input;
    struct launch launch = prepare(&run, request, &input);
    warm_up(&run, &launch);
    if (request->fixed.flags & TURNO_RUN_WARM) box_fill(cell, request);
    if (!over(&run)) start(&run, request, &launch);
    close_streams(request, &launch, input);
    if (!over(&run)) watch(&run);
    if (run.started_ns) on_lane_ns = outcome_lane_ns(&run);
    if (run.stopped) run.stopped_ns += now_ns() - run.stopped_since_ns;
    if (run.limit || run.delay_at_turn_ns) run.delay_ns = outcome_delay_ns(&run);
    else if (on_lane_ns > SHORTEST_DELAYED_NS) run.delay_ns = measure_delay_of_ns(cell, run.pid);
    end_processes(&run);
    drain(&run);
  }
  if (!run.host_gone) outcome_describe(&run, request, on_lane_ns, report);
  turn_ended(cell, run.fixed->run, report->cpu_ns, report->memory_bytes);
  current = NULL;
  return !run.host_gone;
}
