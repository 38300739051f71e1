/* Clocks of a run. */
#ifndef TURNO_CELL_MEASURE_H
#define TURNO_CELL_MEASURE_H

#include "cell.h"

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);

/* CPU time used by everything the cell has ever run, living and reaped. Runs take the difference. */
uint64_t measure_cpu_ns(const struct cell *cell);

/* Memory of all living processes of the run; a template is none of them. */
uint64_t measure_memory_bytes(const struct cell *cell);

/* Longest time that any thread of a living (or not yet reaped) process has spent runnable without a core. */
uint64_t measure_delay_ns(const struct cell *cell);

/* The same of one process. */
uint64_t measure_delay_of_ns(const struct cell *cell, pid_t pid);

/* Whether a thread is on a core or waiting for one. */
bool measure_is_runnable(const struct cell *cell, pid_t thread);

/* How many threads of the run are on a core or waiting for one. */
uint64_t measure_runnable(const struct cell *cell);

/*
 * How many processes of the run have stopped, and how many could run on: neither stopped, nor dead, nor in a wait that no
 * signal ends (vfork).
 */
struct standing {
  uint32_t stopped, moving;
};
struct standing measure_standing(const struct cell *cell);

/*
 * How many of those can still execute an instruction of their own: all but a process of one thread that has SIGSTOP or SIGKILL
 * before it. It needs a core once more, but in the kernel only.
 */
uint64_t measure_executing(const struct cell *cell);

#endif
