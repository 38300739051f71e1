/*
 * The classic: chroot into a directory while holding a descriptor outside, then climb.
 *
 * weak: filter, capabilities
 */
#include "attack.h"
int main(void) {
  mkdir("jail", 0700);
  REFUSED(chroot("jail"));
  for (int i = 0; i < 100; i++) chdir("..");
  if (access("etc/shadow", F_OK) == 0) breach("the root of the host");
  return 0;
}
