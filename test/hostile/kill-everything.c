/*
 * kill(-1): everything it may signal. Only itself is there.
 */
#include "attack.h"
int main(void) {
  kill(-1, SIGKILL);
  kill(-1, SIGSTOP);
  for (int pid = 2; pid < 70000; pid++) {
    if (pid != getpid() && kill(pid, SIGKILL) == 0) breach("somebody else is there");
  }
  return 0;
}
