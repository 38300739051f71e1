/* A cell without a sandbox: --backend unsafe. */
#ifndef TURNO_CELL_UNSAFE_H
#define TURNO_CELL_UNSAFE_H

#include "cell.h"
#include "control.h"

/* The keeper makes the directory of the cell, before PID 1 is forked. die()s when it cannot. */
void unsafe_make(struct cell *cell);

/* What PID 1 does instead of building a root: takes the directories in hand, and goes into the box. */
void unsafe_enter(struct cell *cell);

/* Paths inside (/exe, /box, /tmp) become paths of the host. */
void unsafe_translate(const struct cell *cell, struct request *request);

/* The keeper ends whoever is left of the cell, and removes its directory. */
void unsafe_remove(struct cell *cell);

#endif
