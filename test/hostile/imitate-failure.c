/*
 * Ends like a failing set-up would in other judges: 127, a signal nobody sends, text on stderr.
 *
 * expect: exit 127
 */
#include "attack.h"
int main(void) {
  fputs("cell: executing the program failed: ENOENT\n", stderr);
  return 127;
}
