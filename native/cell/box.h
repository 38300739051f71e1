/* Files of a run: in, out, and away. */
#ifndef TURNO_CELL_BOX_H
#define TURNO_CELL_BOX_H

#include "cell.h"
#include "control.h"

/* Makes the store as large as asked for, and puts the `x` files of the request into /exe. */
void box_prepare(struct cell *cell, const struct request *request);

/* Puts the `b` files of the request into /box. */
void box_fill(const struct cell *cell, const struct request *request);

/* Copies the out-files to the descriptors of the request. Returns how many were missing, irregular or too large. */
uint32_t box_bring_out(const struct cell *cell, const struct request *request);

/* TURNO_BOX_FULL_*: has the store no room left, or no file? */
uint32_t box_is_full(const struct cell *cell);

/* Empties the store and proves it; die()s when something is left. */
void box_wipe(const struct cell *cell);

/* Removes everything below an open directory, however deep, following no link. What cannot be removed stays. */
void box_empty(int directory);

/* Copies `bytes` from the start of one descriptor to another, without a way through this process. False: errno. */
bool copy_file(int from, int to, uint64_t bytes);

#endif
