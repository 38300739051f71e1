/*
 * Takes the rights of the directories away, for the next run.
 *
 * weak: identity, wipe
 */
#include "attack.h"
int main(void) {
  chmod("/box", 0);
  chmod("/tmp", 0);
  chmod("/dev/shm", 0);
  return 0;
}
