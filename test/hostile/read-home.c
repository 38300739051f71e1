/*
 * Looks for homes, data directories and mounts of the host.
 *
 * weak: root
 */
#include "attack.h"
int main(void) {
  static const char *const places[] = {"/home", "/root/.ssh", "/var", "/srv", "/mnt", "/opt", "/run", "/sys", "/boot", "/work", "/media"};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) REFUSED(open(places[i], O_RDONLY));
  return 0;
}
