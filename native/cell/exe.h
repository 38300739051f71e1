/* /exe: executables that stay from run to run. */
#ifndef TURNO_CELL_EXE_H
#define TURNO_CELL_EXE_H

#include "cell.h"
#include "control.h"

/*
 * Makes /exe hold exactly the `x` files of the request. A file that is there already, copied from the same device, inode,
 * size and times, stays; everything else goes, so that no run sees what another submission was given.
 */
void exe_place(const struct cell *cell, const struct request *request);

/* A number that changes whenever a file is placed or removed. */
uint64_t exe_generation(void);

#endif
