/*
 * Many files, each within the limit, fill the box.
 *
 * limits: box=8
 * weak: wipe
 */
#include "attack.h"
int main(void) {
  static char block[1 << 20];
  char name[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(name, sizeof name, "f%d", i);
    int file = open(name, O_CREAT | O_WRONLY, 0600);
    if (write(file, block, sizeof block) != sizeof block) return 0;
    close(file);
  }
  breach("1,000 MiB of files");
}
