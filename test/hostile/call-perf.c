/*
 * Counts what other programs do on the core.
 *
 * weak: filter
 * needs: /proc/sys/kernel/perf_event_paranoid=2
 */
#include "attack.h"
int main(void) {
  uint32_t attributes[32] = {1 /* software */, sizeof attributes};
  attributes[10] = 3 << 5; /* neither kernel nor hypervisor: what least rights are asked for */
  REFUSED(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0));
  return 0;
}
