/*
 * Ends like a failing set-up would in other judges: 127, a signal nobody sends, text on stderr.
 *
 * expect: exit 127
 * weak: none, because it attacks no protection but what the report says
 */
#include "attack.h"
int main(void) {
  fputs("cell: executing the program failed: ENOENT\n", stderr);
  return 127;
}
