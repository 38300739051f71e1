/*
 * Reads what PID 1 has in memory, environment and descriptors.
 *
 * weak: identity, hiding, capabilities, undumpable
 */
#include "attack.h"
int main(void) {
  static const char *const files[] = {"/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/fd/3", "/proc/1/root/etc/shadow", "/proc/1/cwd/..", "/proc/1/auxv", "/proc/1/stack", "/proc/1/syscall"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) REFUSED(open(files[i], O_RDONLY));
  char text[64];
  REFUSED(readlink("/proc/1/exe", text, sizeof text));
  return 0;
}
