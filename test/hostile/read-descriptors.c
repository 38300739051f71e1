/*
 * Descriptors somebody forgot to close.
 *
 * weak: descriptors
 */
#include "attack.h"
int main(void) {
  for (int i = 3; i < 2000; i++) {
    if (fcntl(i, F_GETFD) >= 0) breach("a descriptor beyond stderr");
  }
  return 0;
}
