/*
 * Protections that can be left out, so that a test can show it would fail without them.
 *
 * Only in a build with -DTURNO_WEAK, which nothing but test/hostile makes: there $TURNO_WEAK names the protections to leave
 * out. In every other build this is the constant false, and no flag or variable weakens a cell.
 */
#ifndef TURNO_CELL_WEAK_H
#define TURNO_CELL_WEAK_H

#include <stdbool.h>

#ifdef TURNO_WEAK
#include <stdlib.h>
#include <string.h>

static inline bool weakened(const char *protection) {
  const char *left_out = getenv("TURNO_WEAK");
  return left_out && strstr(left_out, protection);
}
#else
#define weakened(protection) false
#endif

#endif
