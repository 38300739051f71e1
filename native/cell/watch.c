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
 *     the timeout     what is left of the CPU or wall limit: only then the clocks are read (limits.c)
 *
 * Whatever woke it, it looks at everything.
 *
 * Three clocks of a run: CPU (all processes), wall (on the lane, running or asleep, and the rest of a sleep in which it was
 * stopped: stay.c), waited (stopped, or in the run queue of the kernel). Run delay is subtracted from wall, as far as the
 * processes alive at that moment tell.
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

#include "begin.h"
#include "box.h"
#include "family.h"
#include "run-limits.h"
#include "measure.h"
#include "outcome.h"
#include "pump.h"
#include "report.h"
#include "retry.h"
#include "run.h"
#include "seccomp.h"
#include "stay.h"
#include "template.h"
#include "turn.h"
#include "weak.h"

#define SHORTEST_DELAYED_NS 2000000ull /* shorter runs are not worth 15 us for finding out how long they waited */
/* A template being made: it may use this, and is given up after so long. */
#define WARMING_BYTES (256ull << 20)
#define WARMING_PROCESSES 4
#define WARMING_LOOK_NS 5000000
#define WARMING_PATIENCE_NS 10000000000ull

static struct run *current;

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

/* Most signals only wake: what they are about is looked at anyway. SIGRTMIN + 1 hands SIGUSR1 on to the program, if it is a submitted one. */
static void take_signals(struct run *run) {
  run->signalled = true;
  const bool hands_on = run->pid && !(run->fixed->flags & TURNO_RUN_TOOL);
  struct signalfd_siginfo signals[16];
  ssize_t bytes;
  while ((bytes = read(run->cell->signals, signals, sizeof signals)) > 0) {
    for (size_t i = 0; i < (size_t)bytes / sizeof *signals; i++) {
      if ((int)signals[i].ssi_signo == SIGRTMIN + 1 && hands_on) family_signal(run->cell, SIGUSR1);
    }
    if ((size_t)bytes < sizeof signals) return;
  }
}

static void wait_for_news(struct run *run, const struct timespec *timeout) {
  struct pollfd polled[] = {{.fd = run->cell->signals, .events = POLLIN},
                            {.fd = run->cell->control, .events = POLLIN | POLLRDHUP},
                            {.fd = run->cell->channel, .events = POLLIN},
                            pump_awaits(&run->pumps[0]),
                            pump_awaits(&run->pumps[1]),
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
  run->signalled = false;
  if (now < due_ns) return due_ns;
  return run->stopped ? stay_look(run) : now + limits_look(run);
}

static void watch(struct run *run) {
  uint64_t due_ns = limits_first_look_ns(run);
  while (!over(run)) {
    due_ns = look_in_time(run, due_ns);
    if (over(run)) break;
    uint64_t left_ns = minus(due_ns, now_ns());
    const struct timespec timeout = {.tv_sec = (time_t)(left_ns / 1000000000), .tv_nsec = (long)(left_ns % 1000000000)};
    wait_for_news(run, due_ns == UINT64_MAX ? NULL : &timeout);
    look_at_children(run);
    bool was_stopped = run->stopped;
    if (!over(run)) stay_obey(run);
    if (was_stopped != run->stopped) due_ns = run->stopped ? stay_next_look_ns(run) : 0;
  }
}

/* Waits until the scheduler lets the run begin. False: it never will. */
static bool wait_for_turn(struct run *run) {
  turn_state(run->cell, run->fixed->run, TURNO_SLOT_WAITING);
  for (;;) {
    uint32_t wanted = turn_wanted(run->cell, run->fixed->run);
    if (wanted == TURNO_WANTED_RUN && stay_may_begin(run)) return true;
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
  if (run->ended && weakened("reap")) return;
  const bool bare = family_is_bare(run->cell);
  for (;;) {
    family_signal(run->cell, SIGKILL);
    if (reap_all(run, !bare)) return;
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* somebody who was missed, or has not died yet */
  }
}

/* A template being made is watched like a program; what it uses is no part of the run. True: it stands. */
static bool stands_in_time(struct run *run) {
  const struct timespec look = {.tv_nsec = WARMING_LOOK_NS};
  for (int answer = 0; !over(run);) {
    wait_for_news(run, &look);
    look_at_children(run);
    stay_obey(run);
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
  run->started_ns = run->turn_since_ns = run->stay_since_ns = now_ns();
  run->warming = true;
  if (template_start(cell, launch) && stands_in_time(run)) template_keep(cell, minus(measure_memory_bytes(cell), bytes));
  else template_refuse(cell, over(run) ? 0 : fixed->template_number);
  run->warming = false;
  run->started_ns = run->stopped_ns = run->delay_ns = run->delay_at_turn_ns = run->stopped_in_turn_ns = 0;
  groups_limit(&cell->groups, fixed->memory_bytes, fixed->processes);
}

static void start(struct run *run, struct launch *launch) {
  struct groups *groups = &run->cell->groups;
  groups_begin(groups);
  run->oom_kills_before = groups->memory_events >= 0 ? groups_oom_kills(groups) : 0;
  run->cpu_before_ns = measure_cpu_ns(run->cell);
  run->started_ns = run->turn_since_ns = run->stay_since_ns = now_ns();
  if (run->cell->template_pid && template_serves(launch)) run->pid = template_fork(run->cell, launch);
  run->warm = run->pid > 0;
  if (!run->warm) {
    groups_limit(groups, run->fixed->memory_bytes, run->fixed->processes); /* a template that has just gone is not added any more */
    run->pid = run_start(launch);
  }
}

/* What the program wrote last is still in the pipes; nobody can write to them any more. */
static void drain(struct run *run) {
  for (int i = 0; i < 2; i++) {
    pump_drain(&run->pumps[i]);
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
  groups_alarmed(&cell->groups); /* the end of the run before may have rung it once more: this one has used nothing yet */
  if (wait_for_turn(&run)) {
    int input;
    struct launch launch = begin_prepare(&run, request, &input);
    warm_up(&run, &launch);
    if (request->fixed.flags & TURNO_RUN_WARM) box_fill(cell, request);
    if (!over(&run)) start(&run, &launch);
    begin_close(request, &launch, input);
    if (!over(&run)) watch(&run);
    if (run.started_ns) on_lane_ns = outcome_lane_ns(&run);
    if (run.stopped) stay_end_stop(&run);
    if (run.limit || run.stopped_ns) run.delay_ns = outcome_delay_ns(&run);
    else if (on_lane_ns > SHORTEST_DELAYED_NS) run.delay_ns = measure_delay_of_ns(cell, run.pid);
    end_processes(&run);
    if (launch.step != STEP_NONE) begin_judge_failure(&run, request, &launch);
    drain(&run);
  }
  if (!run.host_gone) outcome_describe(&run, request, on_lane_ns, report);
  turn_ended(cell, run.fixed->run, report->cpu_ns, report->memory_bytes);
  current = NULL;
  return !run.host_gone;
}
