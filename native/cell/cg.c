/*
 * Control groups of one cell, and their first version; the second is in cg2.c.
 *
 *   <own group of the server>/turno-12/          made by whichever cell comes first, removed by the last
 *   <own group of the server>/turno-12/cell-7/   this cell
 *
 * The same in each hierarchy: memory, pids, cpuacct, cpu. Only the keeper sees the paths. PID 1 gets open descriptors and
 * is itself outside of the groups: inside, what a program left in tmpfs would get PID 1 killed, and its time would be the
 * program's. Only of pids it is a member, if that is a hierarchy of its own: it is one process more there, and a child is born
 * where it would have to be moved to. A program enters the others by writing "0" to `tasks`, which moves the caller alone and
 * takes no lock of the whole machine (moving a process by its number takes one: 9.6 ms after a pause, bench/RESULTS.md).
 *
 * The group of the cpu hierarchy is idle (cpu.idle, Linux 5.15), and so is its parent: two idle groups side by side share
 * what the server leaves over.
 */
#include "cg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "retry.h"
#include "weak.h"

/*
 * What a run leaves in the group (page cache of files it was the first to read, its output in a memfd of the host, objects of
 * the kernel that are freed later) is subtracted from the next peak; above this it is given back, which takes 0.2 ms.
 */
#define LEFT_OVER_BYTES (4u << 20)
#define MOST_WAITS 500 /* of a millisecond, for memory of the dead */

static char made[32][PATH_MAX];
static int made_count;

struct groups groups_none(void) {
  struct groups none = {.memory_limit = -1, .swap_limit = -1, .memory_now = -1, .memory_peak = -1, .memory_events = -1,
                        .memory_empty = -1, .processes_limit = -1, .processes_events = -1, .cpu_used = -1, .memory_alarm = -1, .inside = -1, .born_into = -1, .peak_resets = true};
  return none;
}

/* first + second into `path`; what does not fit is no path at all. */
const char *cg_join(char path[PATH_MAX], const char *first, const char *slash, const char *second) {
  int length = snprintf(path, PATH_MAX, "%s%s%s", first, slash, second);
  if (length >= PATH_MAX) die(STEP_GROUPS, 9, ENAMETOOLONG, "%.60s", first);
  return path;
}

static bool has_word(const char *list, const char *word) {
  size_t length = strlen(word);
  if (length == 0) return *list == '\0';
  for (const char *at = list; (at = strstr(at, word)); at += length) {
    bool begins = at == list || at[-1] == ',';
    if (begins && (at[length] == ',' || at[length] == '\0')) return true;
  }
  return false;
}

/* Own group of this process in the hierarchy of a v1 controller, as /proc/self/cgroup says. */
bool cg_own_group(const char *controller, char path[PATH_MAX]) {
  FILE *file = fopen("/proc/self/cgroup", "re");
  char line[PATH_MAX];
  bool found = false;
  while (file && !found && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    char *names = strchr(line, ':');
    char *group = names ? strchr(names + 1, ':') : NULL;
    if (!group) continue;
    *group++ = '\0';
    found = has_word(names + 1, controller);
    if (found) cg_join(path, group, "", "");
  }
  if (file) fclose(file);
  return found;
}

/*
 * Directory of that group. A line of mountinfo: id parent device ROOT POINT options ... - TYPE source OPTIONS. Where only a
 * part of the hierarchy is mounted (containers), ROOT is the group that shows at POINT.
 */
bool cg_directory_v1(const char *controller, char directory[PATH_MAX]) {
  char group[PATH_MAX];
  if (!cg_own_group(controller, group)) return false;
  FILE *file = fopen("/proc/self/mountinfo", "re");
  char line[2 * PATH_MAX], root[PATH_MAX], point[PATH_MAX], type[64], options[PATH_MAX];
  bool found = false;
  while (file && !found && fgets(line, sizeof line, file)) {
    char *tail = strstr(line, " - ");
    if (!tail || sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2) continue;
    if (sscanf(tail, " - %63s %*s %4095s", type, options) != 2 || strcmp(type, "cgroup")) continue;
    size_t skipped = strcmp(root, "/") ? strlen(root) : 0;
    found = has_word(options, controller) && !strncmp(group, root, skipped);
    if (found) cg_join(directory, point, "", group + skipped);
  }
  if (file) fclose(file);
  return found;
}

void cg_write(const char *directory, const char *name, const char *text) {
  char path[PATH_MAX];
  CLOSED_AT_END int file = open(cg_join(path, directory, "/", name), O_WRONLY | O_CLOEXEC);
  if (file >= 0 && write(file, text, strlen(text)) < 0) return; /* the caller looks at what matters */
}

/*
 * Makes every missing directory of `name` under `directory`, and appends name to it. A cell that ends may remove the shared
 * parent between our two mkdirs: then once more from the start.
 */
bool cg_make(char directory[PATH_MAX], const char *name, bool idle, const char *handed_down) {
  size_t own = strlen(directory);
  for (int attempt = 0; attempt < 100; attempt++) {
    char *at = directory + own;
    snprintf(at, PATH_MAX - own, "/%s", name);
    bool complete = true;
    for (char *slash = at; slash && complete;) {
      char *next = strchr(slash + 1, '/');
      if (next) *next = '\0';
      complete = mkdir(directory, 0755) == 0 || errno == EEXIST;
      if (complete && idle) cg_write(directory, "cpu.idle", "1");
      if (complete && handed_down && next) cg_write(directory, "cgroup.subtree_control", handed_down);
      if (next) *next = '/';
      slash = next;
    }
    if (complete) return true;
    if (errno != ENOENT) break;
  }
  directory[own] = '\0';
  return false;
}

void cg_remember(const char *directory, const char *name) {
  size_t own = strlen(directory) - strlen(name) - 1;
  for (size_t length = strlen(directory); length > own && made_count < 32;) {
    snprintf(made[made_count++], PATH_MAX, "%.*s", (int)length, directory);
    while (length > own && directory[--length] != '/') continue;
  }
}

int cg_open(const char *directory, const char *name, int flags) {
  char path[PATH_MAX];
  return open(cg_join(path, directory, "/", name), flags | O_CLOEXEC);
}

static bool enter_by(struct groups *groups, const char *directory, bool counts_processes) {
  int tasks = cg_open(directory, "tasks", O_WRONLY);
  if (tasks < 0) return false;
  if (counts_processes) groups->inside = tasks;
  else groups->entries[groups->entry_count++] = tasks;
  return true;
}

/* Something else is counted where processes are: programs enter there themselves. */
static void leave_outside(struct groups *groups) {
  if (groups->inside < 0) return;
  groups->entries[groups->entry_count++] = groups->inside;
  groups->inside = -1;
}

void groups_enter(struct groups *groups) {
  if (groups->inside < 0) return;
  if (write(groups->inside, "0", 1) != 1) die(STEP_ENTER_GROUP, MAX_ENTRIES, errno, "pids");
  close(groups->inside);
  groups->inside = -1;
  groups->own_processes = 1;
}

/*
 * The kernel kills one process when the limit is reached; another may go on, and the next be killed, until some other limit
 * ends the run. The alarm lets PID 1 end it at once. Kernels without it leave the counter, read at the end.
 */
static int open_alarm(const char *directory, int memory_events) {
  CLOSED_AT_END int control = cg_open(directory, "cgroup.event_control", O_WRONLY);
  int alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  char text[32];
  int length = snprintf(text, sizeof text, "%d %d", alarm, memory_events);
  if (control >= 0 && alarm >= 0 && write(control, text, (size_t)length) == length) return alarm;
  if (alarm >= 0) close(alarm);
  return -1;
}

struct groups groups_make_v1(const char *name, bool required) {
  static const char *const controllers[] = {"memory", "pids", "cpuacct", "cpu"};
  struct groups groups = groups_none();
  char seen[4][PATH_MAX] = {{0}};
  for (int i = 0; i < 4; i++) {
    const char *controller = controllers[i];
    char *directory = seen[i];
    bool there = cg_directory_v1(controller, directory);
    if (there) {
      bool joined = false; /* cpu and cpuacct are often one hierarchy */
      there = cg_make(directory, name, !strcmp(controller, "cpu"), NULL);
      for (int j = 0; j < i; j++) joined = joined || (there && !strcmp(seen[j], directory));
      if (there && !joined) {
        cg_remember(directory, name);
        there = enter_by(&groups, directory, i == 1);
      }
      if (there && joined && !strcmp(seen[1], directory)) leave_outside(&groups);
    }
    if (!there && i < 3) { /* without the cpu group SCHED_IDLE alone keeps programs below the server */
      int error = errno;
      groups_remove();
      if (required) die(STEP_GROUPS, (uint32_t)i, error, "%s/%s", controller, name);
      return groups_none();
    }
    if (!there) directory[0] = '\0';
  }
  groups.backend = TURNO_BACKEND_CGROUP_V1;
  groups.memory_limit = cg_open(seen[0], "memory.limit_in_bytes", O_RDWR);
  groups.swap_limit = cg_open(seen[0], "memory.memsw.limit_in_bytes", O_RDWR); /* absent without swap accounting */
  groups.memory_now = cg_open(seen[0], "memory.usage_in_bytes", O_RDONLY);
  groups.memory_peak = cg_open(seen[0], "memory.max_usage_in_bytes", O_RDWR);
  groups.memory_events = cg_open(seen[0], "memory.oom_control", O_RDONLY);
  groups.memory_alarm = open_alarm(seen[0], groups.memory_events);
  groups.memory_empty = cg_open(seen[0], "memory.force_empty", O_WRONLY);
  groups.processes_limit = cg_open(seen[1], "pids.max", O_WRONLY);
  groups.processes_events = cg_open(seen[1], "pids.events", O_RDONLY);
  groups.cpu_used = cg_open(seen[2], "cpuacct.usage", O_RDONLY);
  char idle[8] = "";
  if (seen[3][0]) {
    CLOSED_AT_END int file = cg_open(seen[3], "cpu.idle", O_RDONLY);
    if (file >= 0 && pread(file, idle, sizeof idle - 1, 0) > 0 && idle[0] == '1') groups.backend |= TURNO_BACKEND_CPU_IDLE_GROUP;
  }
  return groups;
}

void groups_remove(void) {
  /* The last process is dead but may not have left its group yet; ENOTEMPTY and a parent's EBUSY mean other cells. */
  for (int i = 0; i < made_count; i++) {
    for (int attempt = 0; rmdir(made[i]) && errno == EBUSY && attempt < 200; attempt++) {
      struct stat link;
      if (stat(made[i], &link) == 0 && link.st_nlink > 2) break;
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
  }
  made_count = 0;
}

static uint64_t read_number(int file, const char *after) {
  char text[512];
  ssize_t length = pread(file, text, sizeof text - 1, 0);
  if (length <= 0) die(STEP_MEASURE, 0, errno, "a counter of the control group");
  text[length] = '\0';
  char *at = after ? strstr(text, after) : text;
  return at ? strtoull(at + (after ? strlen(after) : 0), NULL, 10) : 0;
}

static bool write_number(int file, uint64_t number) {
  char text[24];
  int length = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
  return pwrite(file, text, (size_t)length, 0) == length;
}

/*
 * A limit is not lowered below what is in the group. What a dead process had may still be there for a moment: page tables and
 * pipes are given back after a grace period of RCU.
 */
static bool write_memory_number(int file, uint64_t bytes) {
  const struct timespec moment = {.tv_nsec = 1000000};
  bool written = write_number(file, bytes);
  for (int wait = 0; !written && errno == EBUSY && wait < MOST_WAITS; wait++) {
    nanosleep(&moment, NULL);
    written = write_number(file, bytes);
  }
  return written;
}

/* Memory with swap may never be below memory alone, so growing and shrinking write the two in opposite order. */
static bool write_memory_limit(struct groups *groups, uint64_t bytes) {
  bool grows = bytes > groups->memory_bytes;
  if (grows && groups->swap_limit >= 0 && groups->memory_bytes && !write_number(groups->swap_limit, bytes)) return false;
  if (!write_memory_number(groups->memory_limit, bytes)) return false;
  return groups->swap_limit < 0 || write_memory_number(groups->swap_limit, bytes);
}

void groups_limit(struct groups *groups, uint64_t memory_bytes, uint32_t processes) {
  if (weakened("limits")) return;
  memory_bytes += groups->kept_bytes;
  processes += groups->kept_processes + groups->own_processes;
  if (groups->memory_limit >= 0 && memory_bytes != groups->memory_bytes) {
    if (!write_memory_limit(groups, memory_bytes)) die(STEP_GROUP_LIMIT, 0, errno, "memory: %llu bytes", (unsigned long long)memory_bytes);
    groups->memory_bytes = memory_bytes;
  }
  if (groups->processes_limit >= 0 && processes != groups->processes) {
    if (!write_number(groups->processes_limit, processes)) die(STEP_GROUP_LIMIT, 1, errno, "pids: %u", processes);
    groups->processes = processes;
  }
}

uint64_t groups_cpu_ns(const struct groups *groups) {
  if (groups->backend & TURNO_BACKEND_CGROUP_V2) return read_number(groups->cpu_used, "usage_usec ") * 1000;
  return read_number(groups->cpu_used, NULL);
}

uint64_t groups_memory_bytes(const struct groups *groups) { return read_number(groups->memory_now, NULL); }

uint64_t groups_all_peak_bytes(const struct groups *groups) {
  uint64_t peak_bytes = read_number(groups->memory_peak, NULL);
  return peak_bytes > groups->peak_before_bytes ? peak_bytes : 0; /* of an earlier run */
}

uint64_t groups_peak_bytes(const struct groups *groups) {
  uint64_t peak_bytes = groups_all_peak_bytes(groups);
  return peak_bytes > groups->left_over_bytes ? peak_bytes - groups->left_over_bytes : 0;
}

uint64_t groups_oom_kills(const struct groups *groups) { return read_number(groups->memory_events, "oom_kill "); }

bool groups_refused_processes(struct groups *groups) {
  if (groups->processes_events < 0) return false;
  uint64_t before = groups->refused_before;
  groups->refused_before = read_number(groups->processes_events, "max ");
  return groups->refused_before > before;
}

bool groups_alarmed(const struct groups *groups) {
  uint64_t times;
  return groups->memory_alarm >= 0 && read(groups->memory_alarm, &times, sizeof times) == (ssize_t)sizeof times;
}

void groups_begin(struct groups *groups) {
  if (groups->memory_peak < 0) return;
  if (!groups->peak_resets) groups->peak_before_bytes = read_number(groups->memory_peak, NULL);
  else if (!write_number(groups->memory_peak, 0)) die(STEP_CLEAN, 0, errno, "resetting the peak of memory");
  groups->left_over_bytes = groups_memory_bytes(groups);
  groups_alarmed(groups); /* the end of the run before may have rung it once more */
}

void groups_end(const struct groups *groups) {
  if (groups->memory_empty >= 0 && groups_memory_bytes(groups) > LEFT_OVER_BYTES + groups->kept_bytes) write_number(groups->memory_empty, 0);
}
