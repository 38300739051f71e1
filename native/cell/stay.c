/*
 * Stays on a lane: how a run is stopped and goes on, and how what it does meanwhile is charged.
 *
 *      lane |-- runs, sleeps, waits for a core --|            |-- ...
 *           |                                    |-- stop ----|
 *      wall  runs, sleeps                          sleeps on
 *
 * Time stopped is no wall time, but for the rest of a sleep the stop fell into (asleep.c). When that sleep goes on for longer
 * than the wall limit, the run ends at that moment, stopped as it is.
 */
#include "stay.h"

#include <signal.h>
#include <time.h>

#include "asleep.h"
#include "family.h"
#include "measure.h"
#include "turn.h"
#include "weak.h"

#define STILL_PATIENCE_NS 1000000000ull /* a stopped run that has gone on for this long is ended */
#define WOKEN_PATIENCE_NS 30000000ull /* the same for one whose processes wake each other: no system call under way excuses that */
#define STILL_LOOK_NS 10000000ull /* a stopped run is looked at this often until it has stood still once */
#define STOP_PASSES 50
#define STOP_BURSTS 8
#define SIGNALS_IN_BURST 64

/* Whether every process of the run was seen to have stopped. One that had stopped before and runs again was woken by another. */
static bool stands(struct run *run) {
  const struct standing found = measure_standing(run->cell);
  if (found.stopped < run->most_stopped) run->woken = true;
  else run->most_stopped = found.stopped;
  return found.moving == 0;
}

/* A stopped run has had more than a system call that was under way can explain. */
static bool is_beyond_patience(const struct run *run) {
  return outcome_cpu_ns(run) - run->cpu_at_stop_ns > (run->woken ? WOKEN_PATIENCE_NS : STILL_PATIENCE_NS);
}

/*
 * One SIGSTOP to all is not always enough: a process on another core may be in the middle of sending SIGCONT, which takes
 * the stop back from those that had it already. So the states are looked at, and the signal repeated until nobody moves; at
 * first in bursts, during which we hold a core, and who is woken on another has the signal again before it can wake the rest.
 * Bounded, because a long system call (a write of 100 MB) ends before its process stops, and a process that gets no core
 * does not come to it either; stay_look() comes back to them. False: somebody did not stop yet.
 */
static bool stop_all(struct run *run) {
  run->last_stop_ns = now_ns();
  if (weakened("standstill")) return kill(run->pid, SIGSTOP), true;
  for (int pass = 0; pass < STOP_PASSES; pass++) {
    const bool is_burst = pass > 0 && pass <= STOP_BURSTS;
    for (int i = 0; i < (is_burst ? SIGNALS_IN_BURST : 1); i++) family_signal(run->cell, SIGSTOP);
    if (stands(run)) return true;
    if (run->stopped && run->woken && is_beyond_patience(run)) return false;
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
  }
  return false;
}

/* Of a run that was asleep and has come to rest: how long it will have slept, and whether that is too long. */
static void look_at_sleep(struct run *run, uint64_t interrupted_ns) {
  run->asleep_until_ns = asleep_until_ns(run->cell, run->stay_since_ns, interrupted_ns);
  const uint64_t wall_ns = outcome_wall_ns(run, minus(outcome_lane_ns(run), outcome_slept_ns(run)), outcome_delay_ns(run));
  const uint64_t end_ns = run->stopped_since_ns + minus(run->fixed->wall_ns, wall_ns);
  if (end_ns < run->asleep_until_ns) run->wall_end_ns = end_ns;
}

static bool is_asleep(const struct run *run) {
  return !run->warming && !measure_is_runnable(run->cell, run->pid) && !measure_runnable(run->cell);
}

/* What a template uses while it is made is no part of the run, nor may its account shrink when the program begins. */
static uint64_t charged_ns(const struct run *run) { return run->warming ? 0 : run->cpu_at_stop_ns; }

static bool is_alone(const struct run *run) {
  pid_t pids[3];
  const size_t count = family_list(run->cell, pids, 3);
  size_t others = 0;
  for (size_t i = 0; i < count; i++) others += pids[i] != run->cell->template_pid;
  return others == 1;
}

/*
 * A program that burns needs a core once more to stop on, and gets it last of all: below the server, which is busy just then.
 * But from the moment the signal is before it, it executes nothing any more, and its lane need not wait for that core. What
 * comes of it is seen by stay_look(), when SIGCHLD tells. Not so where there are several, but for compilers and checkers, which
 * do not play with signals: one that is in the middle of kill() takes the signal back from another, and is seen by
 * stay_look() only. Nor who was asleep: for how long is asked at rest.
 */
static bool hold(struct run *run) {
  if (run->was_asleep || weakened("standstill")) return false;
  if (!(run->fixed->flags & TURNO_RUN_TOOL) && !is_alone(run)) return false;
  run->last_stop_ns = now_ns();
  family_signal(run->cell, SIGSTOP);
  return !measure_executing(run->cell);
}

static void stop(struct run *run) {
  run->was_asleep = is_asleep(run);
  if (run->was_asleep) asleep_note(run->cell);
  run->most_stopped = 0;
  run->woken = false;
  run->at_rest = hold(run) ? stands(run) : stop_all(run);
  run->stopped_since_ns = now_ns();
  run->stopped = true;
  run->still = false;
  run->cpu_at_stop_ns = run->cpu_at_look_ns = outcome_cpu_ns(run);
  turn_stopped(run->cell, run->fixed->run, charged_ns(run), measure_memory_bytes(run->cell));
  run->asleep_until_ns = 0;
  run->wall_end_ns = UINT64_MAX;
  /* After the lane was given up, for which others wait. */
  if (run->was_asleep && run->at_rest) look_at_sleep(run, run->last_stop_ns);
}

/*
 * A word may be taken back in the very moment it is obeyed. So running is announced first, and then the word is read once
 * more; the scheduler does it the other way round (the word first, then a look at the state). Either it sees `running`, and
 * waits for `stopped`, or we see that we must not.
 */
bool stay_may_begin(const struct run *run) {
  turn_state(run->cell, run->fixed->run, TURNO_SLOT_RUNNING);
  if (turn_wanted(run->cell, run->fixed->run) == TURNO_WANTED_RUN) return true;
  turn_stopped(run->cell, run->fixed->run, charged_ns(run), run->pid ? measure_memory_bytes(run->cell) : 0);
  return false;
}

/*
 * A stay is settled when the next one begins, for the kernel books a wait when it is over. Who has had no core since the
 * stop, not even to stop, is waiting on: its stay stays open, and what the wait will be booked with is then divided.
 */
static bool waits_on(const struct run *run) { return !run->at_rest && measure_runnable(run->cell) > 0; }

static void settle(struct run *run) {
  run->delay_ns = outcome_delay_ns(run);
  run->delay_at_turn_ns = measure_delay_ns(run->cell);
  run->cpu_at_turn_ns = outcome_cpu_ns(run);
  run->turn_since_ns = now_ns();
  run->stopped_in_turn_ns = 0;
}

static void go_on(struct run *run) {
  if (!stay_may_begin(run)) return;
  const bool is_open = waits_on(run);
  if (!is_open) settle(run);
  run->stay_since_ns = now_ns();
  if (is_open) run->stopped_in_turn_ns += run->stay_since_ns - run->stopped_since_ns;
  stay_end_stop(run);
  run->slept_until_ns = run->asleep_until_ns;
  run->wall_is_up = false;
  run->stopped = false;
  family_signal(run->cell, SIGCONT);
}

void stay_end_stop(struct run *run) { run->stopped_ns += minus(now_ns() - run->stopped_since_ns, outcome_slept_ns(run)); }

uint64_t stay_next_look_ns(const struct run *run) {
  const uint64_t look_ns = run->still ? UINT64_MAX : now_ns() + STILL_LOOK_NS;
  return look_ns < run->wall_end_ns ? look_ns : run->wall_end_ns;
}

/*
 * Nothing should be able to go on when it was stopped. A system call that is under way may finish (a write of 100 MB), so
 * what still moves is looked at again; what does not come to rest at all has found a way around, and loses the run.
 */
uint64_t stay_look(struct run *run) {
  if (weakened("standstill")) return UINT64_MAX;
  const uint64_t cpu_ns = outcome_cpu_ns(run), before_ns = run->last_stop_ns;
  const bool was_at_rest = run->at_rest, has_moved = cpu_ns != run->cpu_at_look_ns;
  if (now_ns() >= run->wall_end_ns) return run->limit = TURNO_LIMIT_WALL, 0;
  run->cpu_at_look_ns = cpu_ns;
  if (has_moved) run->at_rest = stop_all(run); /* a look alone may take for rest what wakes up behind it */
  else run->at_rest = stands(run); /* also who was: the last look before there is none any more */
  if (is_beyond_patience(run)) return run->limit = TURNO_LIMIT_CPU, 0;
  if (run->was_asleep && run->at_rest && !was_at_rest) look_at_sleep(run, before_ns);
  run->still = !has_moved && run->at_rest;
  return stay_next_look_ns(run);
}

void stay_obey(struct run *run) {
  uint32_t wanted = turn_wanted(run->cell, run->fixed->run);
  if (wanted == TURNO_WANTED_KILL) run->limit = TURNO_LIMIT_CANCELLED;
  else if (wanted == TURNO_WANTED_RUN && run->stopped) go_on(run);
  else if (wanted != TURNO_WANTED_RUN && !run->stopped) stop(run);
}
