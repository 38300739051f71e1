/* The system call filter. */
#ifndef TURNO_CELL_SECCOMP_H
#define TURNO_CELL_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

#include "cell.h"

/*
 * clone3 has its flags in memory, where a filter cannot look, so it is refused, except with these words in arguments that
 * the kernel does not read. They are random, and only PID 1 knows them: its memory, registers and filter are out of reach.
 */
struct clone_pass {
  uint32_t words[2];
};

struct clone_pass seccomp_clone_pass(void);

/* Loads the filter into this process; programs inherit it. die()s when the kernel cannot. */
void seccomp_load(struct cell *cell);

/*
 * A call that the filter holds, to be asked for when cell->held_calls is readable. The caller ends the run. False: whoever
 * made it is dead already. `name` is a text that stays.
 */
bool seccomp_take_held(const struct cell *cell, int *number, const char **name);

#endif
