/*
 * A bomb whose processes sleep: costs no CPU, fills the process table.
 *
 * expect: cpu or wall
 * limits: cpu=500 wall=500 processes=32
 * weak: limits
 */
#include "attack.h"
int main(void) {
  for (int born = 0; born < 4 * 32;) {
    pid_t pid = fork();
    if (pid == 0) pause();
    if (pid > 0) born++;
    else usleep(1000);
  }
  breach("four times the processes");
}
