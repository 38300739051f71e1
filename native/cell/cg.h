/* Control groups of one cell: made by the keeper, used by PID 1 through open descriptors. */
#ifndef TURNO_CELL_CG_H
#define TURNO_CELL_CG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define MAX_ENTRIES 8

struct groups {
  uint32_t backend; /* TURNO_BACKEND_CGROUP_V1, _V2, _CPU_IDLE_GROUP */
  /* A child writes 0 to each of these and is inside. */
  int entries[MAX_ENTRIES];
  int entry_count;
  int inside; /* v1: the same for the number of processes, where PID 1 itself is; -1 = nowhere, or it is in already */
  int born_into; /* v2: directory that children are cloned into, or -1 */
  int memory_limit, swap_limit, memory_now, memory_peak, memory_events, memory_empty;
  int processes_limit, processes_events;
  uint64_t refused_before; /* processes that were refused up to the last run */
  int cpu_used;
  int memory_alarm; /* readable when the group has come to its limit and nothing could be given back; may be -1 */
  /* As last written, so that equal runs write nothing. */
  uint64_t memory_bytes;
  bool peak_resets; /* before Linux 6.12 the peak of v2 stays for ever, and says something only when it has grown */
  uint64_t peak_before_bytes;
  uint64_t left_over_bytes; /* in the group before the run: no part of its peak */
  uint32_t processes;
  /* A template that stands in the group: limits are so much higher, and no run is charged for it. */
  uint64_t kept_bytes;
  uint32_t kept_processes;
  uint32_t own_processes; /* PID 1, where it is inside */
};

/* No groups: every descriptor -1. */
struct groups groups_none(void);

/*
 * Makes the group `name` below this process's own group in each hierarchy.
 * `required`: die()s when memory, pids or CPU time cannot be had; otherwise removes what it made and returns groups_none().
 */
struct groups groups_make_v1(const char *name, bool required);

/*
 * The same with the unified hierarchy (v2). The server's own group must let its controllers be handed down: it is the root,
 * or empty but for groups. Otherwise its parent is tried (the server in a leaf of a delegated group).
 * `owner` may clone children into the group from groups_adopt()'s place.
 */
struct groups groups_make_v2(const char *name, uint32_t owner, bool required);

/* v2: puts PID 1 beside the group of its programs, where it is allowed to clone into that. Nothing to do in v1. */
void groups_adopt(int32_t pid);

/* v1: PID 1 enters the group in which nothing but processes are counted, so that its children are born there. */
void groups_enter(struct groups *groups);

/* For cg.c, cg2.c and remedy.c: the pieces they are made of. */
/* Directory of this process's own group in the hierarchy of a v1 controller. False: not mounted. */
bool cg_directory_v1(const char *controller, char directory[PATH_MAX]);
/* Where the unified hierarchy is mounted, and the group that shows there. False: nowhere. */
bool cg_mount_of_v2(char point[PATH_MAX], char root[PATH_MAX]);
/* `controller` of v1, or "" for the unified hierarchy. */
bool cg_own_group(const char *controller, char path[PATH_MAX]);
const char *cg_join(char path[PATH_MAX], const char *first, const char *slash, const char *second);
void cg_write(const char *directory, const char *name, const char *text);
int cg_open(const char *directory, const char *name, int flags);
/* Makes every missing directory of `name` below `directory`, and appends name to it. */
bool cg_make(char directory[PATH_MAX], const char *name, bool idle, const char *handed_down);
void cg_remember(const char *directory, const char *name);

/* Removes every group that was made, deepest first; shared parents stay until the last cell has left them. */
void groups_remove(void);

/* Sets the limits of the next run, beside what is kept. die()s when the kernel refuses. */
void groups_limit(struct groups *groups, uint64_t memory_bytes, uint32_t processes);

/* CPU time of everything that was ever in the group, in ns. */
uint64_t groups_cpu_ns(const struct groups *groups);
uint64_t groups_memory_bytes(const struct groups *groups);
/* The highest it has been in this run: without and with what was there before it. */
uint64_t groups_peak_bytes(const struct groups *groups);
uint64_t groups_all_peak_bytes(const struct groups *groups);
/* Processes the kernel has killed in the group for want of memory, ever. */
uint64_t groups_oom_kills(const struct groups *groups);
/* True when a process or thread was refused since it was last asked. */
bool groups_refused_processes(struct groups *groups);
/* True when the alarm has gone off since it was last asked. */
bool groups_alarmed(const struct groups *groups);
/* Before a run: starts the peak anew, and remembers what is in the group that no process of the run has put there. */
void groups_begin(struct groups *groups);
/* After it: has the kernel give back pages that nobody uses any more, if they are many. */
void groups_end(const struct groups *groups);

#endif
