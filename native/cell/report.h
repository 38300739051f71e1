/* Bad news of the cell itself, and the line back to the host. */
#ifndef TURNO_CELL_REPORT_H
#define TURNO_CELL_REPORT_H

#include <stdint.h>

#include "layout.h"
#include "steps.h"

/* Where reports go from now on; -1 = only to stderr. */
void report_to(int control);

/* Called once by die() before the process ends: gives back what outlives it (groups, a lane). */
void report_before_death(void (*clean_up)(void));

/* Sends one report to the host. Ends the process quietly when the host is gone: nobody is left to tell. */
void report_send(const struct turno_cell_report *report);

/*
 * The cell failed: an error report to the host, the same as text to stderr, and the end of this process.
 * `error` is an errno value or 0; `index` says which one of several (mount, descriptor, limit).
 */
_Noreturn void die(enum step step, uint32_t index, int error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
