/*
 * Directories without any permission, files in them, names with every byte.
 *
 * weak: wipe
 */
#include "attack.h"
int main(void) {
  char name[4] = "a/x";
  for (int c = 1; c < 256; c++) {
    if (c == '/') continue;
    name[0] = (char)c;
    name[1] = 0;
    mkdir(name, 0700);
    name[1] = '/';
    close(open(name, O_CREAT | O_WRONLY, 0));
    name[1] = 0;
    chmod(name, 0);
  }
  return 0;
}
