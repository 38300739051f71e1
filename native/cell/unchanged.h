/* What programs inherit from PID 1, and whether it is still as it was. */
#ifndef TURNO_CELL_UNCHANGED_H
#define TURNO_CELL_UNCHANGED_H

/* Remembers PID 1's scheduling, affinity and limits. */
void unchanged_remember(void);

/* die()s if one of them is different now: every later run would inherit it. */
void unchanged_check(void);

#endif
