/*
 * Signals to PID 1, not by its number, which the filter knows, but by its directory in /proc: that is as good as a pidfd.
 *
 * weak: hiding, identity
 */
#include "attack.h"
int main(void) {
  int directory = open("/proc/1", O_RDONLY | O_DIRECTORY);
  for (int i = 1; i < 65; i++) REFUSED(syscall(SYS_pidfd_send_signal, directory, i, NULL, 0));
  return 0;
}
