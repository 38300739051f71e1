/*
 * The limits PID 1 keeps itself: CPU time, wall time, and memory where no group does.
 *
 * Clocks are read when a limit could have been reached, not before. CPU time that is left is divided by the cores, since no
 * faster can the processes of a run use it up; a run of one thread on two cores is looked at about ten times, whatever its limit.
 */
#include "run-limits.h"

#include <sys/statfs.h>

#include "family.h"
#include "measure.h"
#include "weak.h"

#define MEMORY_LOOK_NS 20000000ull /* where no group keeps the memory limit */
/* After a tick CPU time of what runs has been counted (cpuacct is brought up to date by the tick: 1 to 10 ms). */
#define CORE_LOOK_NS 10000000ull
/* Clocks are not looked at more often than this; a limit is overrun by at most this much per core. */
#define SHORTEST_LOOK_NS 500000ull

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

uint64_t limits_look(struct run *run) {
  if (weakened("limits")) return MEMORY_LOOK_NS;
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

uint64_t limits_first_look_ns(const struct run *run) {
  uint64_t look_ns = run->fixed->cpu_ns / cores();
  if (run->fixed->wall_ns < look_ns) look_ns = run->fixed->wall_ns;
  if (run->cell->groups.memory_limit < 0 && look_ns > MEMORY_LOOK_NS) look_ns = MEMORY_LOOK_NS;
  return run->started_ns + look_ns;
}
