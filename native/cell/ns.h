/* Namespaces and identity. */
#ifndef TURNO_CELL_NS_H
#define TURNO_CELL_NS_H

#include <stdbool.h>
#include <sys/types.h>

#include "cell.h"

/* Forks PID 1 of new namespaces. In the keeper: its pid. In PID 1: 0. With `user` in a user namespace too. -1: errno. */
pid_t namespaces_fork(bool user);

/* The keeper's part: the ids that exist in the user namespace of `pid`. Returns 0 or an errno. */
int namespaces_map_ids(pid_t pid, uid_t own_uid, uid_t program_uid);

/* PID 1 has the keeper map the ids of the user namespace it is in. */
void identity_map(const struct cell *cell);

/*
 * PID 1 gives up everything it does not need for its runs: in this order other ids, capabilities, privileges to be gained,
 * being traced. `confine`: a user namespace around it first, so that even CAP_SETUID reaches the two ids only.
 */
void identity_lock(struct cell *cell, bool confine);

/* Files are now opened, made and removed with the rights of the program; `false` = with PID 1's own again. */
void identity_for_files(const struct cell *cell, bool program);

#endif
