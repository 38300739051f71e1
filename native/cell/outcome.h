/* What is known of a run while it is watched, and what is made of it in the end. */
#ifndef TURNO_CELL_OUTCOME_H
#define TURNO_CELL_OUTCOME_H

#include <signal.h>

#include "cell.h"
#include "control.h"
#include "pump.h"

struct run {
  struct cell *cell;
  const struct turno_cell_request *fixed;
  struct pump pumps[2]; /* of stdout and stderr */
  pid_t pid;            /* the main program */
  bool ended, stopped, host_gone;
  siginfo_t end;
  int held_call;        /* number of a fatal system call, or -1: PID 1 ends the run for it */
  const char *held_name;
  uint32_t limit;       /* TURNO_LIMIT_* for which PID 1 ends the run */
  uint64_t cpu_before_ns, oom_kills_before;
  uint64_t started_ns, stopped_since_ns, stopped_ns;
  bool still;   /* stopped, and seen to use no CPU any more */
  bool at_rest; /* stopped, and every process was seen to have stopped */
  bool was_asleep; /* when it was stopped */
  uint32_t most_stopped; /* of its processes, at any look of the present stop */
  bool woken; /* one that had stopped runs again, and it was not us who let it */
  uint64_t last_stop_ns; /* when the last SIGSTOP was sent */
  uint64_t asleep_until_ns; /* stopped in a sleep: until when that goes on; 0 = not known */
  uint64_t slept_until_ns;  /* the same of the stop before the present stay */
  uint64_t wall_end_ns;     /* stopped in a sleep that reaches the wall limit: when */
  bool signalled; /* something happened to a process since the last look */
  uint64_t cpu_at_stop_ns, cpu_at_look_ns;
  uint64_t stay_since_ns; /* when the present stay on the lane began */
  /* When the first stay began that is not settled yet, and how long the run was stopped since: see go_on() in stay.c. */
  uint64_t turn_since_ns, cpu_at_turn_ns, delay_at_turn_ns, stopped_in_turn_ns;
  bool wall_is_up;              /* on the lane, if nobody was waiting for a core: see waits_for_core() */
  uint64_t cpu_at_wall_end_ns;  /* then */
  uint64_t delay_ns; /* time in the run queue on the lane, in the stays before; at the end in all of them */
  bool warming; /* no program yet: a template is being made */
  bool warm;    /* the program was forked from a template */
  uint64_t largest_bytes; /* without a memory group: ru_maxrss of the main program */
};

uint64_t minus(uint64_t a, uint64_t b); /* or 0 */
uint64_t cores(void);

uint64_t outcome_cpu_ns(const struct run *run);

/* Of a stopped run: for how long it has slept on since the stop. */
uint64_t outcome_slept_ns(const struct run *run);

/* Time on the lane so far, whether running, asleep or in the run queue; and that of sleeps while it was stopped. */
uint64_t outcome_lane_ns(const struct run *run);

/* Time in the run queue on the lane so far. */
uint64_t outcome_delay_ns(const struct run *run);

/* Wall time of the program: what it had on the lane without `delay_ns` in the run queue. */
uint64_t outcome_wall_ns(const struct run *run, uint64_t on_lane_ns, uint64_t delay_ns);

/* Fills in a result. Every process of the run is dead. */
void outcome_describe(const struct run *run, const struct request *request, uint64_t on_lane_ns, struct turno_cell_report *report);

#endif
