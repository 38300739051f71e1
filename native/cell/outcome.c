/*
 * What became of a run: its clocks, its verdict facts.
 *
 * Facts come from the wait status and from counters; what a program prints, returns or sends itself proves nothing.
 */
#include "outcome.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "box.h"
#include "measure.h"

#define COARSE_BYTES (1u << 20)

uint64_t minus(uint64_t a, uint64_t b) { return a > b ? a - b : 0; }

uint64_t cores(void) {
  static long online;
  if (!online) online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (uint64_t)online : 1;
}

uint64_t outcome_cpu_ns(const struct run *run) { return measure_cpu_ns(run->cell) - run->cpu_before_ns; }

uint64_t outcome_slept_ns(const struct run *run) {
  const uint64_t now = now_ns();
  return minus(run->asleep_until_ns < now ? run->asleep_until_ns : now, run->stopped_since_ns);
}

uint64_t outcome_lane_ns(const struct run *run) {
  uint64_t until = run->stopped ? run->stopped_since_ns + outcome_slept_ns(run) : now_ns();
  return until - run->started_ns - run->stopped_ns;
}

/*
 * The kernel books a wait when it is over, and that may be after the stop: a process in the run queue must run once more to
 * stop. So the counters of a stay are read when it is over and done with, compared with those at its beginning (else what
 * was waited while stopped would count), and no stay has waited for longer than what its CPU time, and a sleep that went on
 * into it, left of it. Of stays with one wait through all of them, stops included (go_on() in stay.c), what was waited while
 * stopped is taken off again.
 */
uint64_t outcome_delay_ns(const struct run *run) {
  uint64_t until_ns = run->stopped ? run->stopped_since_ns : now_ns();
  uint64_t woke_ns = run->slept_until_ns < until_ns ? run->slept_until_ns : until_ns;
  uint64_t on_lane_ns = until_ns - run->turn_since_ns - run->stopped_in_turn_ns;
  uint64_t most_ns = minus(on_lane_ns, minus(outcome_cpu_ns(run), run->cpu_at_turn_ns) / cores() + minus(woke_ns, run->stay_since_ns));
  uint64_t delay_ns = minus(measure_delay_ns(run->cell), run->delay_at_turn_ns + run->stopped_in_turn_ns);
  return run->delay_ns + (delay_ns < most_ns ? delay_ns : most_ns);
}

/* Run delay of one process overlaps with another's running: wall is never less than the CPU time allows. */
static uint64_t wall_of(uint64_t cpu_ns, uint64_t on_lane_ns, uint64_t delay_ns) {
  uint64_t least_ns = cpu_ns / cores(), wall_ns = minus(on_lane_ns, delay_ns);
  if (wall_ns < least_ns) wall_ns = least_ns;
  return wall_ns < on_lane_ns ? wall_ns : on_lane_ns;
}

uint64_t outcome_wall_ns(const struct run *run, uint64_t on_lane_ns, uint64_t delay_ns) {
  return wall_of(outcome_cpu_ns(run), on_lane_ns, delay_ns);
}

static uint64_t file_bytes(int file) {
  struct stat status;
  return fstat(file, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

/*
 * Which limit ended the run: what PID 1 ended it for, else what the counters prove. A signal alone proves nothing, since a
 * program can send itself any; SIGXFSZ is believed, because a file that hit its limit may be gone by now, and who raises it
 * himself only gets one kind of failure instead of another.
 */
static uint32_t limit_of(const struct run *run, const struct turno_cell_report *report) {
  const struct turno_cell_request *fixed = run->fixed;
  bool was_refused = groups_refused_processes(&run->cell->groups); /* asked in any case: it compares with the last time */
  bool killed_for_memory = run->cell->groups.memory_events >= 0 && groups_oom_kills(&run->cell->groups) > run->oom_kills_before;
  bool overflowed = report->stdout_bytes > fixed->output_bytes || report->stderr_bytes > fixed->output_bytes;
  /* What is printed lies in memory that counts for the run: a flood may have filled that up first. */
  if (overflowed && run->limit == TURNO_LIMIT_MEMORY) return TURNO_LIMIT_OUTPUT;
  /* Who was killed for memory and ran into its CPU or wall limit afterwards had reached the memory limit first. */
  if (run->limit && !(killed_for_memory && (run->limit == TURNO_LIMIT_CPU || run->limit == TURNO_LIMIT_WALL))) return run->limit;
  if (overflowed) return TURNO_LIMIT_OUTPUT;
  if (killed_for_memory) return TURNO_LIMIT_MEMORY;
  if (report->cpu_ns > fixed->cpu_ns) return TURNO_LIMIT_CPU;
  if (report->wall_ns > fixed->wall_ns) return TURNO_LIMIT_WALL;
  if (report->end == TURNO_END_SIGNALLED && report->code == SIGXFSZ) return TURNO_LIMIT_FILE_SIZE;
  /* The last: it ends nobody, a program that was refused a process goes on. */
  if (was_refused) return TURNO_LIMIT_PROCESSES;
  return TURNO_LIMIT_NONE;
}

/*
 * Where the peak cannot start anew and an earlier run was larger: what is in the group now (the processes are gone, their
 * files are not yet) and the resident size of the main program together.
 */
static uint64_t estimate_bytes(const struct run *run) {
  const struct groups *groups = &run->cell->groups;
  return minus(groups_memory_bytes(groups), groups->left_over_bytes) + run->largest_bytes;
}

/*
 * The group counts in batches of 64 pages for each core; for small programs the resident size of the main one says more. Not so
 * from the template of an interpreter: there most of what is resident is shared with it.
 */
static uint64_t peak_bytes(const struct run *run, const struct request *request) {
  const struct groups *groups = &run->cell->groups;
  const bool shares = run->warm && strncmp(request->path, "/exe/", 5);
  uint64_t bytes = groups->memory_peak >= 0 ? groups_peak_bytes(groups) : run->largest_bytes;
  if (bytes == 0 && !groups->peak_resets) return estimate_bytes(run);
  return bytes < COARSE_BYTES && !shares && run->largest_bytes > bytes ? run->largest_bytes : bytes;
}

/*
 * What was in the group before the run is no part of its peak. But where the group came to its limit, the kernel has first
 * taken back what it could of that: all that still counted, but for the template's, was there for the run. An estimate may be
 * larger than the limit, which nothing was.
 */
static uint64_t peak_at_limit(const struct run *run, uint64_t bytes) {
  const struct groups *groups = &run->cell->groups;
  if (groups->memory_peak < 0) return bytes;
  const uint64_t all_bytes = minus(groups_all_peak_bytes(groups), groups->kept_bytes), most_bytes = run->fixed->memory_bytes;
  if (all_bytes > bytes) bytes = all_bytes;
  return bytes < most_bytes ? bytes : most_bytes;
}

void outcome_describe(const struct run *run, const struct request *request, uint64_t on_lane_ns, struct turno_cell_report *report) {
  bool exited = run->ended && run->end.si_code == CLD_EXITED;
  report->end = exited ? TURNO_END_EXITED : TURNO_END_SIGNALLED;
  report->code = run->ended ? run->end.si_status : SIGKILL;
  report->cpu_ns = run->started_ns ? outcome_cpu_ns(run) : 0;
  report->wall_ns = run->started_ns ? wall_of(report->cpu_ns, on_lane_ns, run->delay_ns) : 0;
  report->waited_ns = run->stopped_ns + (on_lane_ns - report->wall_ns);
  report->memory_bytes = peak_bytes(run, request);
  report->stdout_bytes = run->pumps[0].to >= 0 ? run->pumps[0].bytes : file_bytes(request->streams[1]);
  report->stderr_bytes = run->pumps[1].to >= 0 ? run->pumps[1].bytes : file_bytes(request->streams[2]);
  report->limit = limit_of(run, report);
  if (report->limit == TURNO_LIMIT_MEMORY) report->memory_bytes = peak_at_limit(run, report->memory_bytes);
  report->warm = run->warm;
  if (run->held_call >= 0) {
    report->end = TURNO_END_SIGNALLED;
    report->code = SIGSYS;
    report->blocked_syscall = run->held_call;
    snprintf((char *)report->detail, sizeof report->detail, "%s", run->held_name);
  }
  if (report->end != TURNO_END_EXITED || report->code) report->box_full = box_is_full(run->cell);
}
