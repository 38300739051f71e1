/* PID 1: one run after the other. */
#ifndef TURNO_CELL_SERVE_H
#define TURNO_CELL_SERVE_H

#include "arguments.h"
#include "cell.h"

/* The life of PID 1: locks itself down, says hello, serves until the host closes the control socket. */
_Noreturn void serve(struct cell *cell, const struct arguments *arguments, bool user_namespace);

#endif
