/* The command line of turno-cell: strict, because it is written by a program and every slip of it is a mistake. */
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static const struct {
  const char *name;
  enum backend_wish wish;
} backends[] = {
    {"auto", BACKEND_AUTO},   {"root-v1", BACKEND_ROOT_V1}, {"root-v2", BACKEND_ROOT_V2}, {"root-plain", BACKEND_ROOT_PLAIN},
    {"user", BACKEND_USER}, {"unsafe", BACKEND_UNSAFE},
};

static uint32_t number(const char *flag, const char *text, uint32_t maximum) {
  char *end;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end || errno || value > maximum) {
    die(STEP_ARGUMENTS, 0, EINVAL, "%s: expected a number from 0 to %u, found \"%.40s\"", flag, maximum, text);
  }
  return (uint32_t)value;
}

static int descriptor(const char *flag, const char *text) {
  int value = (int)number(flag, text, 1 << 20);
  if (value < 3 || fcntl(value, F_GETFD) == -1) die(STEP_ARGUMENTS, 0, EBADF, "%s: descriptor %d is not open", flag, value);
  return value;
}

static enum backend_wish backend(const char *text) {
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
    if (!strcmp(backends[i].name, text)) return backends[i].wish;
  }
  die(STEP_ARGUMENTS, 0, EINVAL, "--backend: expected auto, root-v1, root-v2, root-plain, user or unsafe, found \"%.40s\"", text);
}

static bool plain_group(const char *text) {
  return *text && text[0] != '/' && !strstr(text, "..") && strlen(text) < 128 && text[strlen(text) - 1] != '/';
}

/* HOST or HOST:INSIDE. */
static struct extra_mount extra_mount(char *text) {
  char *colon = strchr(text, ':');
  if (colon) *colon = '\0';
  struct extra_mount mount = {.path = text, .target = colon ? colon + 1 : text};
  bool plain = mount.path[0] == '/' && mount.target[0] == '/' && mount.target[1] && !strstr(mount.target, "/../") && !strchr(mount.target, ':');
  if (!plain) die(STEP_ARGUMENTS, 0, EINVAL, "--mount: expected HOST or HOST:INSIDE, absolute paths, found \"%.40s\"", text);
  return mount;
}

struct arguments arguments_read(int argc, char **argv) {
  struct arguments read = {.control = -1, .turns = -1, .uid = (uid_t)-1};
  for (int i = 1; i < argc; i += 2) {
    const char *flag = argv[i];
    const char *value = argv[i + 1];
    if (!value) die(STEP_ARGUMENTS, (uint32_t)i, EINVAL, "%.40s: expected a value after it", flag);
    if (!strcmp(flag, "--control")) {
      read.control = descriptor(flag, value);
      report_to(read.control);
    } else if (!strcmp(flag, "--turns")) {
      read.turns = descriptor(flag, value);
    } else if (!strcmp(flag, "--slot")) {
      read.slot = number(flag, value, UINT32_MAX - 1);
    } else if (!strcmp(flag, "--group")) {
      if (!plain_group(value)) die(STEP_ARGUMENTS, (uint32_t)i, EINVAL, "--group: expected a relative path, found \"%.40s\"", value);
      read.group = value;
    } else if (!strcmp(flag, "--uid")) {
      read.uid = number(flag, value, (uint32_t)INT32_MAX);
    } else if (!strcmp(flag, "--backend")) {
      read.backend = backend(value);
    } else if (!strcmp(flag, "--mount")) {
      if (read.mount_count == MAX_MOUNTS) die(STEP_ARGUMENTS, (uint32_t)i, E2BIG, "--mount: at most %d of them", MAX_MOUNTS);
      read.mounts[read.mount_count++] = extra_mount(argv[i + 1]);
    } else {
      die(STEP_ARGUMENTS, (uint32_t)i, EINVAL, "unknown argument \"%.40s\"", flag);
    }
  }
  if (read.control < 0) die(STEP_ARGUMENTS, 0, EINVAL, "--control is missing");
  if (!read.group) die(STEP_ARGUMENTS, 0, EINVAL, "--group is missing");
  if (read.uid == (uid_t)-1 && read.backend != BACKEND_USER && read.backend != BACKEND_UNSAFE) {
    die(STEP_ARGUMENTS, 0, EINVAL, "--uid is missing");
  }
  return read;
}
