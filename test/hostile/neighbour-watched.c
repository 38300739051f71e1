/*
 * Watches which files of the system another submission opens: what it is written in, what it imports, and when.
 *
 * beside: victim
 * weak: filter
 */
#include "attack.h"
#include <poll.h>
#include <sys/inotify.h>
static const char *const watched = "/usr/bin/env";

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "victim")) {
    puts("ready");
    fflush(stdout);
    for (;; usleep(5000)) close(open(watched, O_RDONLY));
  }
  struct pollfd watch = {.fd = inotify_init1(IN_CLOEXEC), .events = POLLIN};
  if (watch.fd < 0) return 0;
  inotify_add_watch(watch.fd, watched, IN_OPEN | IN_ACCESS);
  if (poll(&watch, 1, 1000) == 1) breach("it was seen that somebody opens a file");
  return 0;
}
