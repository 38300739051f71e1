/*
 * Protections that can be left out, so that a test can show it would fail without them.
 *
 * Only in a build with -DTURNO_WEAK, which nothing but test/hostile makes: there $TURNO_WEAK names the protections to leave
 * out. In every other build this is the constant false, and no flag or variable weakens a cell.
 *
 *     capabilities   programs have all that root has in the cell's user namespace
 *     descriptors    what PID 1 has open stays open in programs
 *     filter         no filter
 *     hiding         processes of other ids show in /proc
 *     identity       programs have PID 1's id
 *     limits         no limit of any kind is set or looked at; the size of the store is
 *     masking        /proc is writable and whole
 *     network        the host's network
 *     proc           the host's /proc, read-only
 *     read-only      the root, made for everybody to write, and /exe stay writable
 *     reap           who outlives the main program stays
 *     root           the host's /etc, /home and /var show, read-only
 *     scheduler      programs have PID 1's scheduling class
 *     standstill     one SIGSTOP to the main process, and no look at what came of it
 *     stdin          with the right to write, if the host gave that
 *     undumpable     PID 1 is dumpable
 *     wipe           the store is not emptied
 *
 * Not to be had are those whose absence could hurt the host: the PID namespace (PID 1 kills everybody it may), the box of a
 * size (it is the machine's memory), mounts that are writable.
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
