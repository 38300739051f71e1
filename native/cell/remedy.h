/* What mends a machine on which something is missing: commands for a shell, found by looking at what is there. */
#ifndef TURNO_CELL_REMEDY_H
#define TURNO_CELL_REMEDY_H

#include <stdbool.h>

#define REMEDY_BYTES 2048

/*
 * Each fills in one line for a shell, of root where not told otherwise; empty: nothing that could be typed helps. It mends what stands in the way
 * first: when something else is behind it, the next look says so.
 */

/* Memory, pids and CPU time of groups, of either version. */
void remedy_groups(char command[REMEDY_BYTES]);

/* The cpu group beside them. */
void remedy_cpu_group(char command[REMEDY_BYTES]);

/* User namespaces, for root's cells or (`for_user`) for ordinary users; by sudo for whoever is not root. */
void remedy_user_namespaces(char command[REMEDY_BYTES], bool for_user);

/* A newer kernel, where the system's packages have one. */
void remedy_kernel(char command[REMEDY_BYTES]);

#endif
