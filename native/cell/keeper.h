/* The keeper: the process the host starts, outside of all namespaces. */
#ifndef TURNO_CELL_KEEPER_H
#define TURNO_CELL_KEEPER_H

#include "arguments.h"

/* Makes a cell, waits for its end, removes what outlives it. Returns the exit status. */
int keeper_run(const struct arguments *arguments);

#endif
