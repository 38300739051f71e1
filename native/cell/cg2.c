/*
 * Control groups of one cell, second version (the unified hierarchy).
 *
 *   base/turno-12/cell-7/        hands memory, pids and cpu down; nobody in it
 *   base/turno-12/cell-7/run/    programs: limits, counters
 *   base/turno-12/cell-7/pid1/   PID 1, without limits
 *
 * Entering a group by writing to cgroup.procs takes a lock of the whole machine, so programs are born inside, by
 * clone3(CLONE_INTO_CGROUP). The kernel allows that to who may write cgroup.procs of the target and of the nearest common
 * ancestor: these two files belong to PID 1's uid, and PID 1 sits beside the programs rather than where the server is.
 * No other way leads there, since the hierarchy is not mounted inside the cell.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cg.h"
#include "layout.h"
#include "report.h"
#include "retry.h"

#define HANDED_DOWN "+memory +pids +cpu"

static char place_of_pid_1[PATH_MAX];

static bool contains(const char *directory, const char *file, const char *word) {
  char text[512] = "";
  CLOSED_AT_END int opened = cg_open(directory, file, O_RDONLY);
  return opened >= 0 && read(opened, text, sizeof text - 1) > 0 && strstr(text, word);
}

bool cg_mount_of_v2(char point[PATH_MAX], char root[PATH_MAX]) {
  FILE *file = fopen("/proc/self/mountinfo", "re");
  char line[2 * PATH_MAX];
  bool found = false;
  while (file && !found && fgets(line, sizeof line, file)) {
    found = strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) == 2;
  }
  if (file) fclose(file);
  return found;
}

/* The own group, or its parent, whichever hands memory and pids down. */
static bool find_base(char base[PATH_MAX]) {
  char point[PATH_MAX], root[PATH_MAX], group[PATH_MAX];
  if (!cg_mount_of_v2(point, root) || !cg_own_group("", group)) return false;
  size_t skipped = strcmp(root, "/") ? strlen(root) : 0;
  cg_join(base, point, "", !strcmp(group + skipped, "/") ? "" : group + skipped);
  for (int level = 0; level < 2 && strlen(base) >= strlen(point); level++) {
    cg_write(base, "cgroup.subtree_control", HANDED_DOWN);
    if (contains(base, "cgroup.subtree_control", "memory") && contains(base, "cgroup.subtree_control", "pids")) return true;
    *strrchr(base, '/') = '\0';
  }
  errno = EBUSY;
  return false;
}

static bool give(const char *directory, const char *name, uint32_t owner) {
  char path[PATH_MAX];
  return chown(cg_join(path, directory, "/", name), owner, (gid_t)-1) == 0;
}

static struct groups open_files(const char *run) {
  struct groups groups = groups_none();
  groups.backend = TURNO_BACKEND_CGROUP_V2;
  groups.born_into = cg_open(run, ".", O_RDONLY | O_DIRECTORY);
  groups.memory_limit = cg_open(run, "memory.max", O_WRONLY);
  groups.memory_now = cg_open(run, "memory.current", O_RDONLY);
  groups.memory_peak = cg_open(run, "memory.peak", O_RDWR);
  groups.peak_resets = groups.memory_peak >= 0 && write(groups.memory_peak, "0", 1) == 1;
  groups.memory_events = cg_open(run, "memory.events", O_RDONLY);
  groups.processes_limit = cg_open(run, "pids.max", O_WRONLY);
  groups.processes_events = cg_open(run, "pids.events", O_RDONLY);
  groups.cpu_used = cg_open(run, "cpu.stat", O_RDONLY);
  if (contains(run, "cpu.idle", "1")) groups.backend |= TURNO_BACKEND_CPU_IDLE_GROUP;
  cg_write(run, "memory.swap.max", "0");
  cg_write(run, "memory.oom.group", "1");
  return groups;
}

struct groups groups_make_v2(const char *name, uint32_t owner, bool required) {
  char cell[PATH_MAX], run[PATH_MAX], inner[PATH_MAX];
  bool made = find_base(cell);
  if (made) {
    cg_join(run, cell, "", "");
    made = cg_make(run, cg_join(inner, name, "/", "run"), true, HANDED_DOWN);
    snprintf(cell, sizeof cell, "%.*s", (int)(strlen(run) - strlen("/run")), run);
    cg_join(place_of_pid_1, cell, "/", "pid1");
    made = made && (mkdir(place_of_pid_1, 0755) == 0 || errno == EEXIST) && give(cell, "cgroup.procs", owner) && give(run, "cgroup.procs", owner);
    cg_remember(place_of_pid_1, "pid1");
    cg_remember(run, inner);
  }
  if (made) return open_files(run);
  int error = errno;
  place_of_pid_1[0] = '\0';
  groups_remove();
  if (required) die(STEP_GROUPS, 0, error, "unified hierarchy: %s", name);
  return groups_none();
}

void groups_adopt(int32_t pid) {
  char number[16];
  snprintf(number, sizeof number, "%d", pid);
  if (place_of_pid_1[0]) cg_write(place_of_pid_1, "cgroup.procs", number);
}
