/* The cell's slot in turns.turno: reading the decision, telling what became of it. */
#ifndef TURNO_CELL_TURN_H
#define TURNO_CELL_TURN_H

#include "cell.h"

/* Maps the turns file and finds the slot; closes the descriptor. -1 = no scheduler. */
void turn_map(struct cell *cell, int turns, uint32_t slot);

/* Tells the slot who rings at which door, before the hello. */
void turn_announce(const struct cell *cell);

/* TURNO_WANTED_* for this run. Without a scheduler: run. */
uint32_t turn_wanted(const struct cell *cell, uint32_t run);

void turn_state(const struct cell *cell, uint32_t run, uint32_t state);

/* The program stands still: figures, STATE, and always the bell. */
void turn_stopped(const struct cell *cell, uint32_t run, uint64_t cpu_ns, uint64_t memory_bytes);

/* No process of the run is left: figures, STATE, the lane goes back, and the bell if somebody waits. */
void turn_ended(const struct cell *cell, uint32_t run, uint64_t cpu_ns, uint64_t memory_bytes);

#endif
