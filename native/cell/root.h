/* The file tree of a cell. */
#ifndef TURNO_CELL_ROOT_H
#define TURNO_CELL_ROOT_H

#include "arguments.h"
#include "cell.h"

/*
 * Builds the tree and makes it the root of this process, which must be PID 1 in mount and PID namespaces of its own. Fills
 * in the directory descriptors of `cell`, and hands the store over to the keeper.
 */
void root_make(struct cell *cell, const struct arguments *arguments);

#endif
