/*
 * Counts what other programs do on the core.
 */
#include "attack.h"
int main(void) {
  char attributes[128] = {0};
  REFUSED(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
  return 0;
}
