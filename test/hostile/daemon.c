/*
 * Double fork, session of its own, then burns on after the program has ended.
 *
 * weak: reap
 */
#include "attack.h"
int main(void) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) burn();
    _exit(0);
  }
  return 0;
}
