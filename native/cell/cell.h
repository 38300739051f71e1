/* PID 1 of a cell: what it holds from its start to its end. */
#ifndef TURNO_CELL_CELL_H
#define TURNO_CELL_CELL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cg.h"
#include "layout.h"

struct cell {
  int control;  /* to the host */
  int channel;  /* to the keeper */
  int signals;  /* signalfd: SIGCHLD and the doorbell */
  int held_calls; /* readable when the filter holds a call that ends the run; -1: it kills by itself */
  int processes; /* directory of a /proc that shows everything; programs see another one */
  int box, temporary, shared; /* directories of the store that programs may write: /box, /tmp, /dev/shm */
  int executables; /* /exe, writable here, read-only to programs */
  uint64_t store_inodes; /* inodes in use in a clean store */
  uint64_t store_bytes;  /* size of the store as last set */
  uid_t own_uid, program_uid;
  uint32_t host_pid;
  uint32_t backend;
  struct groups groups;
  struct turno_turns_header *turns; /* NULL: no scheduler, everything runs at once */
  struct turno_slot *slot;
  uint32_t slot_index;
  pid_t template_pid; /* of the template that stands, or 0 (template.h) */
};

#endif
