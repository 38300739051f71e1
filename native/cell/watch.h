/* One run, from the wish to run it to its result. */
#ifndef TURNO_CELL_WATCH_H
#define TURNO_CELL_WATCH_H

#include "cell.h"
#include "control.h"

/*
 * Waits for the word, runs the program of the request under its limits, and ends everything that is left of it. Fills in
 * `report` as a result. False: the host has gone meanwhile; nothing runs any more.
 */
bool watch_run(struct cell *cell, const struct request *request, struct turno_cell_report *report);

/* For die(): ends what runs and gives the lane back, so that a failing cell does not hold it. */
void watch_abandon(void);

#endif
