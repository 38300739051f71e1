/*
 * A bomb whose processes sleep: costs no CPU, fills the process table.
 *
 * expect: cpu or wall
 * limits: cpu=500 wall=500 processes=32
 */
#include "attack.h"
int main(void) {
  for (;;) {
    if (fork() < 0) usleep(1000);
  }
}
