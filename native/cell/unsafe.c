/*
 * Running without a sandbox, because somebody wants it so: --backend unsafe.
 *
 *   /tmp/turno-cell-XXXXXX/        made and removed by the keeper
 *   .../box  .../tmp  .../exe      what is /box, /tmp and /exe in a real cell
 *
 * No namespaces, no filter, no root of its own: a program can do all that its user can. As root that user is at least one
 * that nobody else is; otherwise it is the server's own. Limits are those of rlimits and of looking on; what a program leaves
 * outside of its directories stays there. "PID 1" is an ordinary process, subreaper of what it starts, and so is the keeper,
 * to whom everything comes when PID 1 has gone.
 */
#include "unsafe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "box.h"
#include "family.h"
#include "report.h"

static char directory[] = "/tmp/turno-cell-XXXXXX";
static bool made;

static void make_part(const struct cell *cell, const char *name, mode_t mode) {
  char path[64];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  /* Nobody else can have put anything there yet: the directory is ours alone until the last line of unsafe_make(). */
  if (mkdir(path, 0700) || chown(path, cell->own_uid, (gid_t)-1) || chmod(path, mode)) die(STEP_ROOT, 0, errno, "\"%s\"", path);
}

void unsafe_make(struct cell *cell) {
  cell->backend |= TURNO_BACKEND_UNSAFE;
  cell->processes = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (cell->processes < 0) die(STEP_ROOT, 1, errno, "open(\"/proc\")");
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) die(STEP_KEEPER, 4, errno, "PR_SET_CHILD_SUBREAPER");
  if (!mkdtemp(directory)) die(STEP_ROOT, 2, errno, "mkdtemp(\"%s\")", directory);
  made = true;
  make_part(cell, "box", 01777);
  make_part(cell, "tmp", 01777);
  make_part(cell, "exe", 0755);
  if (chmod(directory, 0755)) die(STEP_ROOT, 3, errno, "chmod(\"%s\")", directory);
}

static int part(const char *name) {
  char path[64];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int opened = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (opened < 0) die(STEP_ROOT, 0, errno, "open(\"%s\")", path);
  return opened;
}

void unsafe_enter(struct cell *cell) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) die(STEP_IDENTITY, 9, errno, "PR_SET_CHILD_SUBREAPER");
  cell->box = part("box");
  cell->temporary = part("tmp");
  cell->shared = part("tmp"); /* /dev/shm is the host's */
  cell->executables = part("exe");
  umask(0);
  if (fchdir(cell->box)) die(STEP_ROOT, 0, errno, "chdir");
}

void unsafe_translate(const struct cell *cell, struct request *request) {
  static char path[PATH_MAX], home[64], temporary[64];
  if (!family_is_bare(cell)) return;
  if (!strncmp(request->path, "/exe/", 5) || !strncmp(request->path, "/box/", 5)) {
    if (snprintf(path, sizeof path, "%s%s", directory, request->path) >= PATH_MAX) die(STEP_REQUEST, 4, ENAMETOOLONG, "path");
    request->path = path;
  }
  snprintf(home, sizeof home, "HOME=%s/box", directory);
  snprintf(temporary, sizeof temporary, "TMPDIR=%s/tmp", directory);
  for (char **entry = request->environment; *entry; entry++) {
    if (!strcmp(*entry, "HOME=/box")) *entry = home;
    if (!strcmp(*entry, "TMPDIR=/tmp")) *entry = temporary;
  }
}

void unsafe_remove(struct cell *cell) {
  if (!made) return;
  made = false;
  family_end(cell);
  const char *const parts[] = {"box", "tmp", "exe"};
  for (int i = 0; i < 3; i++) {
    char path[64];
    snprintf(path, sizeof path, "%s/%s", directory, parts[i]);
    int opened = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (opened < 0) continue;
    box_empty(opened);
    close(opened);
    rmdir(path);
  }
  rmdir(directory);
}
