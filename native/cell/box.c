/*
 * Files of a run.
 *
 * PID 1 works in the store with the fsuid of the program (ns.c), below open directory descriptors, and never follows a link:
 * whatever the program has planted there, PID 1 reaches no further than the program itself.
 */
#include "box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>

#include "channel.h"
#include "exe.h"
#include "family.h"
#include "ns.h"
#include "report.h"
#include "retry.h"
#include "weak.h"

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)

static int open_beneath(int directory, const char *name, uint64_t flags, uint64_t mode) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = BENEATH};
  return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

bool copy_file(int from, int to, uint64_t bytes) {
  off_t offset = 0;
  while ((uint64_t)offset < bytes) {
    ssize_t count = RETRY(sendfile(to, from, &offset, bytes - (uint64_t)offset));
    if (count < 0) return false;
    if (count == 0) return errno = EIO, false; /* shorter than it said */
  }
  return true;
}

static void resize_store(struct cell *cell, uint64_t bytes) {
  if (bytes == cell->store_bytes || family_is_bare(cell)) return;
  struct channel_message message = {.question = ASK_STORE_SIZE, .bytes = bytes};
  int error = channel_ask(cell->channel, message, -1);
  if (error) die(STEP_KEEPER, 1, error, "store of %llu bytes", (unsigned long long)bytes);
  cell->store_bytes = bytes;
}

static void make_parents(const struct cell *cell, char *name, uint32_t index) {
  for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdirat(cell->box, name, 0755) && errno != EEXIST) die(STEP_BOX, index, errno, "mkdir(\"%s\")", name);
    *slash = '/';
  }
}

static void put_into_box(const struct cell *cell, char *name, int file, uint32_t index) {
  struct stat status;
  if (fstat(file, &status)) die(STEP_BOX, index, errno, "\"%s\"", name);
  if (strchr(name, '/')) make_parents(cell, name, index);
  mode_t mode = status.st_mode & 0111 ? 0755 : 0644;
  CLOSED_AT_END int made = open_beneath(cell->box, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (made < 0) die(STEP_BOX, index, errno, "create(\"%s\")", name);
  if (!copy_file(file, made, (uint64_t)status.st_size)) die(STEP_BOX, index, errno, "copy(\"%s\")", name);
}

void box_prepare(struct cell *cell, const struct request *request) {
  resize_store(cell, request->fixed.box_bytes);
  exe_place(cell, request);
}

void box_fill(const struct cell *cell, const struct request *request) {
  bool as_program = false;
  for (uint32_t i = 0; i < request->fixed.in_count; i++) {
    if (request->in_names[i][0] != 'b') continue;
    if (!as_program) identity_for_files(cell, true);
    as_program = true;
    put_into_box(cell, request->in_names[i] + 1, request->in_files[i], i);
  }
  if (as_program) identity_for_files(cell, false);
}

/* O_NONBLOCK: a FIFO planted under the name must not keep PID 1 waiting for its other end. */
static bool bring_out(const struct cell *cell, const char *name, int to, uint64_t most) {
  CLOSED_AT_END int file = open_beneath(cell->box, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0);
  struct stat status;
  if (file < 0 || fstat(file, &status) || !S_ISREG(status.st_mode) || (uint64_t)status.st_size > most) return false;
  if (lseek(to, 0, SEEK_SET) < 0 && errno != ESPIPE) die(STEP_OUT_FILE, 0, errno, "\"%s\"", name);
  if (!copy_file(file, to, (uint64_t)status.st_size)) die(STEP_OUT_FILE, 0, errno, "copy(\"%s\")", name);
  return true;
}

uint32_t box_bring_out(const struct cell *cell, const struct request *request) {
  uint32_t missing = 0;
  if (!request->fixed.out_count) return 0;
  identity_for_files(cell, true);
  for (uint32_t i = 0; i < request->fixed.out_count; i++) {
    missing += !bring_out(cell, request->out_names[i], request->out_files[i], request->fixed.out_bytes);
  }
  identity_for_files(cell, false);
  return missing;
}

struct wiping {
  int top;
  uint64_t lifted, seen, removed;
};

typedef void visitor(int directory, const char *name, struct wiping *wiping);

/* Calls `visit` for each entry but . and .. ; entries may be removed meanwhile. */
static void each_entry(int directory, visitor *visit, struct wiping *wiping) {
  char buffer[32768] __attribute__((aligned(8)));
  if (lseek(directory, 0, SEEK_SET)) return;
  for (ssize_t length; (length = syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0;) {
    for (ssize_t at = 0; at < length;) {
      const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);
      at += entry->d_reclen;
      if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) visit(directory, entry->d_name, wiping);
    }
  }
}

static bool remove_simply(int directory, const char *name) {
  return unlinkat(directory, name, 0) == 0 || unlinkat(directory, name, AT_REMOVEDIR) == 0;
}

/*
 * A mode that shuts its owner out. If it cannot be changed the entry stays, and is_clean() sees that. Only directories:
 * fchmodat() would follow a link. Nobody lives who could put one there between the two calls.
 */
static void open_up(int directory, const char *name) {
  struct stat status;
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(status.st_mode)) return;
  if (fchmodat(directory, name, 0700, 0)) return;
}

/*
 * A program can make a directory tree thousands of levels deep, which recursion would not survive. So directories are not
 * walked: what lies in a directory that is not empty is lifted to the top, and the top is emptied until nothing comes up any
 * more. Each directory is moved once.
 */
static void lift(int directory, const char *name, struct wiping *wiping) {
  if (remove_simply(directory, name)) return;
  char lifted[48];
  snprintf(lifted, sizeof lifted, "turno-wipe-%llu", (unsigned long long)++wiping->lifted);
  open_up(directory, name); /* moving a directory rewrites its `..` */
  renameat2(directory, name, wiping->top, lifted, RENAME_NOREPLACE);
}

static void remove_entry(int top, const char *name, struct wiping *wiping) {
  wiping->seen++;
  bool removed = remove_simply(top, name);
  if (!removed) {
    open_up(top, name);
    CLOSED_AT_END int inner = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* More than once, because a listing changes while entries leave it. */
    for (int pass = 0; inner >= 0 && !removed && pass < 8; pass++) {
      each_entry(inner, lift, wiping);
      removed = unlinkat(top, name, AT_REMOVEDIR) == 0;
    }
  }
  wiping->removed += removed;
}

void box_empty(int top) {
  struct wiping wiping = {.top = top, .seen = 1, .removed = 1};
  while (wiping.seen && wiping.removed) {
    wiping.seen = wiping.removed = 0;
    each_entry(top, remove_entry, &wiping);
  }
}

static void count_entry(int directory, const char *name, struct wiping *wiping) {
  (void)directory, (void)name;
  wiping->seen++;
}

static bool is_clean(const struct cell *cell) {
  struct statfs status;
  if (family_is_bare(cell)) { /* the directories are on a file system of the host, whose counters say nothing */
    struct wiping counted = {0};
    each_entry(cell->box, count_entry, &counted);
    each_entry(cell->temporary, count_entry, &counted);
    return counted.seen == 0;
  }
  if (fstatfs(cell->box, &status)) die(STEP_CLEAN, 1, errno, "statfs");
  return status.f_files - status.f_ffree == cell->store_inodes && status.f_bfree == status.f_blocks;
}

/* Exact: both counters of tmpfs are bounds, and nothing is in reserve. Unknown without a sandbox: files are the host's. */
uint32_t box_is_full(const struct cell *cell) {
  struct statfs status;
  if (family_is_bare(cell)) return TURNO_BOX_FULL_NO;
  if (fstatfs(cell->box, &status)) die(STEP_MEASURE, 1, errno, "statfs");
  if (status.f_bfree == 0) return TURNO_BOX_FULL_BYTES;
  return status.f_ffree == 0 ? TURNO_BOX_FULL_FILES : TURNO_BOX_FULL_NO;
}

/* With one uid for both, the directories belong to the program too: it may have locked itself out, or left a message in their times. */
static void restore_directories(const struct cell *cell) {
  const int directories[] = {cell->box, cell->temporary, cell->shared};
  for (uint32_t i = 0; i < 3; i++) {
    if (fchmod(directories[i], 01777)) die(STEP_CLEAN, 2 + i, errno, "fchmod");
    if (futimens(directories[i], NULL)) die(STEP_CLEAN, 5 + i, errno, "futimens");
  }
}

void box_wipe(const struct cell *cell) {
  if (weakened("wipe")) return;
  if (cell->own_uid == cell->program_uid) restore_directories(cell);
  if (is_clean(cell)) return;
  identity_for_files(cell, true);
  box_empty(cell->box);
  box_empty(cell->temporary);
  box_empty(cell->shared);
  identity_for_files(cell, false);
  /* A file held by a descriptor that was in flight in a socket goes only when the kernel collects that socket. */
  for (int wait = 0; !is_clean(cell) && wait < 100; wait++) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  if (!is_clean(cell)) die(STEP_CLEAN, 9, 0, "something is left in the store");
}
