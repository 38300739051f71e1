/*
 * Leaves files for the next run in every place it can write to. The runner looks whether they are there.
 *
 * weak: wipe
 */
#include "attack.h"
int main(void) {
  static const char *const names[] = {"left", "/tmp/left", "/dev/shm/left", "/exe/left", "/left", "/usr/left", "/etc/left", "/proc/left", "/dev/left"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    int file = open(names[i], O_CREAT | O_WRONLY, 0666);
    if (file >= 0 && i > 2) breach(names[i]);
  }
  return 0;
}
