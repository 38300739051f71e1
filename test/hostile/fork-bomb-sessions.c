/*
 * Every child leaves for a session and a process group of its own, so that no group signal finds it.
 *
 * expect: cpu or wall
 * limits: cpu=300 wall=600
 */
#include "attack.h"
int main(void) {
  for (;;) {
    if (fork() == 0) setsid();
  }
}
