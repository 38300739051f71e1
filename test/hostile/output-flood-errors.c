/*
 * The same on stderr.
 *
 * expect: output
 */
#include "attack.h"
int main(void) {
  for (;;) fputs("all work and no play makes jack a dull boy", stderr);
}
