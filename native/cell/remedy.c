/*
 * Commands for `turno-cell --check`.
 *
 * Control groups are missing for one of these reasons, looked for in this order:
 *
 *     v2 is mounted read-only                    containers: remount it
 *     v2 has memory and pids, but does not       every group from the top to the server's own must pass them on, and only a
 *     hand them down to the server's group       group without processes can (but for the root): they move to a leaf of it
 *     the controllers belong to v1, or v2 has    mount them where they are missing; those of one hierarchy only together
 *     none of them
 *     nothing is mounted at all                  mount v2
 *     the kernel was told to have none           its command line
 */
#include "remedy.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cg.h"
#include "retry.h"

#define TMPFS_TYPE 0x01021994
#define CGROUP2_TYPE 0x63677270
#define HANDED_DOWN "+memory +pids +cpu"
#define MOST_CONTROLLERS 32
#define ENOUGH_NAMESPACES 4200 /* a server may have 4,096 cells */

struct controller {
  char name[64];
  int hierarchy; /* 0: not in use by v1 */
  int enabled;
};

static void add(char command[REMEDY_BYTES], const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char command[REMEDY_BYTES], const char *format, ...) {
  const size_t used = strlen(command);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command + used, REMEDY_BYTES - used, format, arguments);
  va_end(arguments);
}

static int list_controllers(struct controller all[MOST_CONTROLLERS]) {
  FILE *file = fopen("/proc/cgroups", "re");
  char line[128];
  int count = 0;
  while (file && count < MOST_CONTROLLERS && fgets(line, sizeof line, file)) {
    struct controller *one = &all[count];
    count += sscanf(line, "%63s %d %*d %d", one->name, &one->hierarchy, &one->enabled) == 3;
  }
  if (file) fclose(file);
  return count;
}

static const struct controller *named(const struct controller *all, int count, const char *name) {
  for (int i = 0; i < count; i++) {
    if (!strcmp(all[i].name, name)) return &all[i];
  }
  return NULL;
}

static bool has_both(const char *directory, const char *file) {
  char text[512] = "";
  CLOSED_AT_END int opened = cg_open(directory, file, O_RDONLY);
  return opened >= 0 && read(opened, text, sizeof text - 1) > 0 && strstr(text, "memory") && strstr(text, "pids");
}

static bool has_processes(const char *group) {
  char first;
  CLOSED_AT_END int opened = cg_open(group, "cgroup.procs", O_RDONLY);
  return opened >= 0 && read(opened, &first, 1) == 1;
}

/* From `point` down to the server's own group, `below` it, each hands down; who has processes is emptied into a leaf first. */
static void hand_down(char command[REMEDY_BYTES], const char *point, const char *below) {
  char group[PATH_MAX];
  const size_t top = strlen(point), all = strcmp(below, "/") ? strlen(below) : 0;
  for (size_t length = 0;; length += 1 + strcspn(below + length + 1, "/")) {
    cg_join(group, point, "", below);
    group[top + length] = '\0';
    if (!has_both(group, "cgroup.subtree_control")) {
      if (*command) add(command, " && ");
      if (length && has_processes(group)) {
        add(command, "mkdir -p '%s/leaf' && for p in $(cat '%s/cgroup.procs'); do echo $p > '%s/leaf/cgroup.procs'; done 2> /dev/null; ", group, group, group);
      }
      add(command, "echo '" HANDED_DOWN "' > '%s/cgroup.subtree_control'", group);
    }
    if (length >= all) return;
  }
}

/* True: v2 is mounted, and it is the one to use. */
static bool mend_v2(char command[REMEDY_BYTES]) {
  char point[PATH_MAX], root[PATH_MAX], group[PATH_MAX];
  struct statvfs mounted;
  if (!cg_mount_of_v2(point, root) || !has_both(point, "cgroup.controllers")) return false;
  if (statvfs(point, &mounted) == 0 && mounted.f_flag & ST_RDONLY) {
    add(command, "mount -o remount,bind,rw '%s'", point);
    return true;
  }
  const size_t skipped = strcmp(root, "/") ? strlen(root) : 0;
  if (!cg_own_group("", group) || strlen(group) < skipped) return false;
  hand_down(command, point, group + skipped);
  return true;
}

/* A directory in which hierarchies of v1 can be mounted; made ready by the command if need be. */
static const char *place_for_v1(char command[REMEDY_BYTES]) {
  struct statfs status;
  const char *usual = "/sys/fs/cgroup";
  const bool known = statfs(usual, &status) == 0;
  if (known && status.f_type == TMPFS_TYPE) return usual;
  if (known && status.f_type == CGROUP2_TYPE) return "/run/turno-cgroup";
  if (!*command) add(command, "mount -t tmpfs -o mode=755 cgroup %s", usual);
  return usual;
}

static void mount_one(char command[REMEDY_BYTES], const struct controller *one, const struct controller *all, int count) {
  const char *place = place_for_v1(command);
  add(command, "%smkdir -p %s/%s && mount -t cgroup -o %s", *command ? " && " : "", place, one->name, one->name);
  for (int i = 0; i < count; i++) {
    if (one->hierarchy && all[i].hierarchy == one->hierarchy && &all[i] != one) add(command, ",%s", all[i].name);
  }
  add(command, " cgroup %s/%s", place, one->name);
}

/* Those that are not to be seen, and those that are but must not be written. */
static void mount_v1(char command[REMEDY_BYTES], const char *const *wanted) {
  struct controller all[MOST_CONTROLLERS];
  const int count = list_controllers(all);
  char there[PATH_MAX];
  struct statvfs mounted;
  for (int i = 0; wanted[i]; i++) {
    const struct controller *one = named(all, count, wanted[i]);
    if (!one) continue;
    bool with_another = false; /* of those before it in the same hierarchy */
    for (int j = 0; j < i && one->hierarchy; j++) {
      const struct controller *other = named(all, count, wanted[j]);
      with_another = with_another || (other && other->hierarchy == one->hierarchy);
    }
    if (with_another) continue;
    if (!cg_directory_v1(wanted[i], there)) mount_one(command, one, all, count);
    else if (statvfs(there, &mounted) == 0 && mounted.f_flag & ST_RDONLY) {
      add(command, "%smount -o remount,bind,rw \"$(findmnt -n -o TARGET --target '%s')\"", *command ? " && " : "", there);
    }
  }
}

void remedy_groups(char command[REMEDY_BYTES]) {
  static const char *const wanted[] = {"memory", "pids", "cpuacct", "cpu", NULL};
  struct controller all[MOST_CONTROLLERS];
  char point[PATH_MAX], root[PATH_MAX];
  const int count = list_controllers(all);
  const struct controller *memory = named(all, count, "memory");
  *command = '\0';
  if (mend_v2(command)) return;
  if (memory && !memory->enabled) {
    if (access("/etc/default/grub", F_OK)) return;
    add(command, "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&cgroup_enable=memory /' /etc/default/grub && update-grub && reboot");
  } else if (memory && (memory->hierarchy || cg_mount_of_v2(point, root))) {
    mount_v1(command, wanted);
  } else {
    add(command, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
  }
}

void remedy_cpu_group(char command[REMEDY_BYTES]) {
  static const char *const wanted[] = {"cpu", NULL};
  char there[PATH_MAX];
  *command = '\0';
  if (cg_directory_v1("memory", there)) mount_v1(command, wanted);
  else remedy_groups(command);
}

/* A number in a file of /proc/sys; -1: there is none. */
static long setting(const char *path) {
  FILE *file = fopen(path, "re");
  long value = -1;
  if (file && fscanf(file, "%ld", &value) != 1) value = -1;
  if (file) fclose(file);
  return value;
}

static void set(char command[REMEDY_BYTES], const char *assignment) {
  add(command, "%s%ssysctl -w %s", *command ? " && " : "", geteuid() ? "sudo " : "", assignment);
}

void remedy_user_namespaces(char command[REMEDY_BYTES], bool for_user) {
  *command = '\0';
  if (for_user && setting("/proc/sys/kernel/unprivileged_userns_clone") == 0) set(command, "kernel.unprivileged_userns_clone=1");
  if (for_user && setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1) set(command, "kernel.apparmor_restrict_unprivileged_userns=0");
  const long most = setting("/proc/sys/user/max_user_namespaces");
  if (most >= 0 && most < ENOUGH_NAMESPACES) set(command, "user.max_user_namespaces=10000");
}

void remedy_kernel(char command[REMEDY_BYTES]) {
  *command = '\0';
  if (access("/etc/debian_version", F_OK) || access("/usr/bin/apt-get", X_OK)) return;
  add(command, "apt-get update && apt-get install -y linux-image-$(dpkg --print-architecture) && reboot");
}
