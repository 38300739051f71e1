/*
 * A tree deeper than any path can name; a clean-up that recurses or builds paths fails on it.
 *
 * weak: wipe
 */
#include "attack.h"
int main(void) {
  for (int i = 0; i < 20000; i++) {
    if (mkdir("d", 0700) || chdir("d")) break;
  }
  return 0;
}
