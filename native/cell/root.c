/*
 * The file tree of a cell, made once.
 *
 *   /               tmpfs, read-only in the end
 *   /usr /lib ...   the host's, read-only, nosuid, nodev; a symlink of the host is a symlink here
 *   /etc            passwd and group of our own; ld.so.cache, ld.so.conf and alternatives of the host
 *   /proc           own PID namespace, what a program may not trace is hidden, read-only
 *   /dev            null zero full random urandom and links into /proc/self/fd
 *   /box /tmp /dev/shm    three directories of ONE tmpfs, the store: one bound on bytes and inodes for all a program writes
 *   /exe            tmpfs, read-only to programs; PID 1 has another, writable mount of it that no path leads to
 *
 * The trees of the host are cloned to descriptors (open_tree) before anything is mounted over, so no source can be hidden by
 * a target, and their attributes are set on the clone before it is attached: no moment in which it is writable.
 */
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"
#include "report.h"
#include "retry.h"
#include "weak.h"

#define SCAFFOLD "/proc" /* any directory that surely exists: the new tree is built on top of it */
#define STORE_DIRECTORIES 4 /* of the store's own: its root, box, tmp and shm */

static const char *const host_trees[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
};
/* Weakened: more of the host, as readable there as here. */
static const char *const weak_trees[] = {"/etc", "/home", "/var"};
static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
static const char *const links[][2] = {
    {"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
};
/* Files of /proc that say more about the machine than a program needs; readable for everybody or for the root user. */
static const char *const masked[] = {
    "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/kallsyms", "/proc/kmsg", "/proc/sched_debug",
    "/proc/sysrq-trigger", "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup", "/proc/vmallocinfo", "/proc/mdstat",
    "/proc/cmdline", "/proc/interrupts", "/proc/softirqs", "/proc/modules", "/proc/diskstats", "/proc/latency_stats",
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct tree {
  const char *path;          /* of the host */
  const char *target;        /* inside, absolute */
  int clone;                 /* mount to attach, or -1 */
  char link[PATH_MAX];       /* target, when the host has a symlink there */
  bool is_directory;
};

static void set_attributes(int mount, unsigned recursive, uint64_t attributes, const char *what) {
  struct mount_attr wanted = {.attr_set = attributes};
  if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | recursive, &wanted, sizeof wanted)) {
    die(STEP_MOUNT, 0, errno, "mount_setattr(\"%s\")", what);
  }
}

/* Takes one tree of the host in hand. `needed`: its absence is an error. */
static struct tree take(const char *path, uint64_t attributes, bool needed) {
  struct tree tree = {.path = path, .target = path, .clone = -1};
  struct stat status;
  if (lstat(path, &status)) {
    if (needed) die(STEP_MOUNT, 0, errno, "\"%s\"", path);
    return tree;
  }
  if (S_ISLNK(status.st_mode)) {
    ssize_t length = readlink(path, tree.link, sizeof tree.link - 1);
    if (length < 0) die(STEP_MOUNT, 0, errno, "readlink(\"%s\")", path);
    return tree;
  }
  tree.is_directory = S_ISDIR(status.st_mode);
  tree.clone = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree.clone < 0) die(STEP_MOUNT, 0, errno, "open_tree(\"%s\")", path);
  set_attributes(tree.clone, AT_RECURSIVE, attributes, path);
  return tree;
}

/* Makes the directories that lead to `path` (relative); the last part too when `all`. */
static void make_directories(const char *path, bool all) {
  char part[PATH_MAX];
  snprintf(part, sizeof part, "%s", path);
  for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(part, 0755) && errno != EEXIST) die(STEP_ROOT, 0, errno, "mkdir(\"%s\")", part);
    *slash = '/';
  }
  if (all && mkdir(part, 0755) && errno != EEXIST) die(STEP_ROOT, 0, errno, "mkdir(\"%s\")", part);
}

/* Puts a tree to its place below the working directory, which is the new root. */
static void place(const struct tree *tree) {
  const char *target = tree->target + 1;
  if (tree->link[0]) {
    make_directories(target, false);
    if (symlink(tree->link, target) && errno != EEXIST) die(STEP_ROOT, 0, errno, "symlink(\"%s\")", tree->path);
    return;
  }
  if (tree->clone < 0) return;
  make_directories(target, tree->is_directory);
  if (!tree->is_directory) {
    CLOSED_AT_END int file = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    if (file < 0) die(STEP_ROOT, 0, errno, "create(\"%s\")", tree->path);
  }
  if (syscall(SYS_move_mount, tree->clone, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH)) {
    die(STEP_MOUNT, 0, errno, "move_mount(\"%s\")", tree->path);
  }
  close(tree->clone);
}

static void write_text(const char *path, const char *text) {
  CLOSED_AT_END int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
  if (file < 0 || write(file, text, strlen(text)) < 0) die(STEP_ROOT, 0, errno, "write(\"%s\")", path);
}

static void make_etc(const struct cell *cell) {
  char text[256];
  make_directories("etc", true);
  const unsigned own = cell->own_uid, program = cell->program_uid;
  int length = snprintf(text, sizeof text, "root:x:0:0::/:/bin/false\nprogram:x:%u:%u::/box:/bin/sh\n", program, program);
  if (own != program) snprintf(text + length, sizeof text - (size_t)length, "cell:x:%u:%u::/:/bin/false\n", own, own);
  write_text("etc/passwd", text);
  snprintf(text, sizeof text, "root:x:0:\nprogram:x:%u:\n", program);
  write_text("etc/group", text);
}

static void make_tmpfs(const char *target, unsigned long flags, const char *options) {
  if (mount("turno", target, "tmpfs", flags, options)) die(STEP_MOUNT, 0, errno, "mount(tmpfs, \"/%s\")", target);
}

static int open_directory(const char *path) {
  int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (directory < 0) die(STEP_ROOT, 0, errno, "open(\"/%s\")", path);
  return directory;
}

/*
 * Writable for the program but not its own: it can neither change the mode nor leave an attribute for the next run (sticky
 * directories take those from their owner only).
 */
static int place_store_part(const struct cell *cell, const char *part, const char *target) {
  char source[64];
  snprintf(source, sizeof source, "store/%s", part);
  if (mkdir(source, 0700) || chmod(source, 01777)) die(STEP_ROOT, 0, errno, "mkdir(\"/%s\")", source);
  if (chown(source, cell->own_uid, cell->own_uid)) die(STEP_ROOT, 0, errno, "chown(\"/%s\")", source);
  make_directories(target, true);
  if (mount(source, target, NULL, MS_BIND, NULL)) die(STEP_MOUNT, 0, errno, "mount(\"/%s\")", target);
  return open_directory(target);
}

/*
 * Changing the size of a mounted tmpfs needs a capability that PID 1 gives up; the file system context that can do it is
 * handed to the keeper, which is asked when a run wants another size than the one before.
 */
static void hand_over_store(struct cell *cell) {
  CLOSED_AT_END int context = (int)syscall(SYS_fspick, AT_FDCWD, "box", FSPICK_CLOEXEC);
  if (context < 0) die(STEP_MOUNT, 0, errno, "fspick(\"/box\")");
  int error = channel_ask(cell->channel, (struct channel_message){.question = ASK_KEEP_STORE}, context);
  if (error) die(STEP_KEEPER, 0, error, "handing over the store");
}

static void make_store(struct cell *cell) {
  char options[64];
  snprintf(options, sizeof options, "mode=755,size=1m,nr_inodes=%d", TURNO_BOX_FILES + STORE_DIRECTORIES);
  make_directories("store", true);
  make_tmpfs("store", MS_NOSUID | MS_NODEV, options);
  cell->store_bytes = 1 << 20;
  cell->box = place_store_part(cell, "box", "box");
  cell->temporary = place_store_part(cell, "tmp", "tmp");
  cell->shared = place_store_part(cell, "shm", "dev/shm");
  if (umount2("store", MNT_DETACH) || rmdir("store")) die(STEP_MOUNT, 0, errno, "umount(\"/store\")");
  hand_over_store(cell);
  struct statfs status;
  if (fstatfs(cell->box, &status)) die(STEP_ROOT, 0, errno, "statfs(\"/box\")");
  cell->store_inodes = status.f_files - status.f_ffree;
}

static void make_executables(struct cell *cell) {
  make_directories("exe", true);
  /* Large folios make an exec 4 % cheaper, where the kernel has them for tmpfs. */
  const char *options = "mode=755,size=1g,nr_inodes=1024,huge=within_size";
  if (mount("turno", "exe", "tmpfs", MS_NOSUID | MS_NODEV, options)) make_tmpfs("exe", MS_NOSUID | MS_NODEV, "mode=755,size=1g,nr_inodes=1024");
  if (chown("exe", cell->own_uid, cell->own_uid)) die(STEP_ROOT, 0, errno, "chown(\"/exe\")");
  int writable = (int)syscall(SYS_open_tree, AT_FDCWD, "exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (writable < 0) die(STEP_MOUNT, 0, errno, "open_tree(\"/exe\")");
  cell->executables = openat(writable, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cell->executables < 0) die(STEP_ROOT, 0, errno, "open(\"/exe\")");
  close(writable);
  CLOSED_AT_END int visible = open("exe", O_PATH | O_CLOEXEC);
  if (!weakened("read-only")) set_attributes(visible, 0, MOUNT_ATTR_RDONLY, "/exe");
}

/*
 * PID 1 reads the clocks of programs from a /proc that is nowhere in the tree: there they are not hidden from it. In that of the
 * programs it is hidden itself, with one uid for both too: it is undumpable. Its directory would be as good as a pidfd of it.
 */
static void make_proc(struct cell *cell) {
  CLOSED_AT_END int context = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
  if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) die(STEP_MOUNT, 0, errno, "fsopen(proc)");
  cell->processes = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (cell->processes < 0) die(STEP_MOUNT, 0, errno, "fsmount(proc)");
  make_directories("proc", true);
  if (weakened("proc")) return; /* the host's is there */
  if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, weakened("hiding") ? NULL : "hidepid=2")) {
    die(STEP_MOUNT, 0, errno, "mount(proc)");
  }
}

/* Binding the null device over a file works where the host has mounted something else over it, too. */
static void mask_proc(void) {
  if (weakened("masking")) return;
  for (size_t i = 0; i < COUNT(masked); i++) {
    if (access(masked[i] + 1, F_OK)) continue;
    if (mount("dev/null", masked[i] + 1, NULL, MS_BIND, NULL)) die(STEP_MOUNT, (uint32_t)i, errno, "mount(\"%s\")", masked[i]);
  }
  CLOSED_AT_END int proc = open("proc", O_PATH | O_CLOEXEC);
  set_attributes(proc, AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, "/proc");
}

static void enter(void) {
  if (syscall(SYS_pivot_root, ".", ".")) die(STEP_ROOT, 0, errno, "pivot_root");
  if (umount2(".", MNT_DETACH)) die(STEP_ROOT, 0, errno, "umount of the old root");
  CLOSED_AT_END int root = open("/", O_PATH | O_CLOEXEC);
  const uint64_t read_only = weakened("read-only") ? 0 : MOUNT_ATTR_RDONLY;
  set_attributes(root, 0, read_only | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, "/");
}

void root_make(struct cell *cell, const struct arguments *arguments) {
  const uint64_t tree_attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  static struct tree trees[COUNT(host_trees) + COUNT(devices) + COUNT(weak_trees) + MAX_MOUNTS];
  size_t count = 0;

  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) die(STEP_MOUNT, 0, errno, "making the mounts private");
  for (size_t i = 0; i < COUNT(host_trees); i++) trees[count++] = take(host_trees[i], tree_attributes, false);
  for (size_t i = 0; i < COUNT(devices); i++) trees[count++] = take(devices[i], MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, true);
  for (size_t i = 0; i < COUNT(weak_trees) && weakened("root"); i++) trees[count++] = take(weak_trees[i], tree_attributes, false);
  if (weakened("proc")) trees[count++] = take("/proc", tree_attributes, true);
  for (uint32_t i = 0; i < arguments->mount_count; i++) {
    const struct extra_mount *mount = &arguments->mounts[i];
    if (!strncmp(mount->target, "/usr/", 5)) continue; /* is there already */
    trees[count] = take(mount->path, tree_attributes, true);
    trees[count++].target = mount->target;
  }

  umask(022);
  const char *options = weakened("read-only") ? "mode=777,size=4m,nr_inodes=4096" : "mode=755,size=4m,nr_inodes=4096";
  if (mount("turno", SCAFFOLD, "tmpfs", MS_NOSUID, options)) die(STEP_MOUNT, 0, errno, "mount(tmpfs, \"/\")");
  if (chdir(SCAFFOLD)) die(STEP_ROOT, 0, errno, "chdir");
  make_etc(cell);
  for (size_t i = 0; i < count; i++) place(&trees[i]);
  for (size_t i = 0; i < COUNT(links); i++) {
    if (symlink(links[i][0], links[i][1])) die(STEP_ROOT, (uint32_t)i, errno, "symlink(\"/%s\")", links[i][1]);
  }
  make_store(cell);
  make_executables(cell);
  make_proc(cell);
  mask_proc();
  enter();
  umask(0);
  if (fchdir(cell->box)) die(STEP_ROOT, 0, errno, "chdir(\"/box\")");
}
