/*
 * Changes the kernel through /proc: the core pattern would run a program of our choice as root.
 *
 * weak: masking
 */
#include "attack.h"
int main(void) {
  static const char *const files[] = {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory", "/proc/self/oom_score_adj", "/proc/self/uid_map", "/proc/self/setgroups", "/proc/self/coredump_filter", "/proc/self/autogroup", "/proc/self/timerslack_ns"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    int file = open(files[i], O_WRONLY);
    if (file >= 0 && write(file, "0", 1) > 0 && strcmp(files[i], "/proc/sysrq-trigger")) breach(files[i]);
  }
  return 0;
}
