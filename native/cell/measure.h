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

/* How many threads of the run are on a core or waiting for one. */
uint64_t measure_runnable(const struct cell *cell);

/* How many processes of the run could run on: neither stopped, nor dead, nor in a wait that no signal ends (vfork). */
uint64_t measure_moving(const struct cell *cell);

#endif
