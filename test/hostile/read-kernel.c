/*
 * Addresses, keys and logs of the kernel; its command line, and what its devices do at any moment.
 *
 * weak: masking
 */
#include "attack.h"
int main(void) {
  static const char *const files[] = {
      "/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/timer_list", "/proc/keys", "/proc/vmallocinfo", "/proc/cmdline",
      "/proc/interrupts", "/proc/softirqs", "/proc/modules", "/proc/diskstats", "/dev/kmsg", "/dev/mem",
  };
  char byte;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    int file = open(files[i], O_RDONLY | O_NONBLOCK);
    if (file >= 0 && read(file, &byte, 1) > 0) breach(files[i]);
  }
  REFUSED(syscall(SYS_syslog, 3, &byte, 1));
  return 0;
}
