/* The processes of a run: whom a signal to all of them reaches, and whom the clocks add up. */
#ifndef TURNO_CELL_FAMILY_H
#define TURNO_CELL_FAMILY_H

#include "cell.h"

/* True for a cell without namespaces (--backend unsafe). */
bool family_is_bare(const struct cell *cell);

/* Pids of all processes of the run, zombies included, at most `most`. Returns how many. */
size_t family_list(const struct cell *cell, pid_t *pids, size_t most);

/* Numbers of the threads of one process, at most `most`. Returns how many. */
size_t family_threads(const struct cell *cell, pid_t pid, pid_t *threads, size_t most);

/* Sends a signal to all of them. */
void family_signal(const struct cell *cell, int signal);

/* Processes and threads of this process's user on the whole machine. For a bare cell. */
uint32_t family_tasks_of_user(const struct cell *cell);

/* Kills and reaps whatever has this process for an ancestor. For a bare cell, whose end ends nobody by itself. */
void family_end(const struct cell *cell);

#endif
