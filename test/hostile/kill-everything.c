/*
 * kill(-1): everything it may signal. Only itself is there, and, when it is warm, the template it came from: that one it may
 * kill, and PID 1 makes another. What was killed can be signalled until PID 1 has waited for it; what does not go at all
 * keeps this attack until its wall limit.
 *
 * weak: none, because without its PID namespace it would kill processes of the host
 */
#include "attack.h"
#include <sys/auxv.h>
#define PIDS 70000
static int others(void) {
  int count = 0;
  for (int pid = 2; pid < PIDS; pid++) count += pid != getpid() && kill(pid, 0) == 0;
  return count;
}
int main(void) {
  const int templates = getauxval(AT_BASE) != 0; /* what comes from a template has been linked by ld.so, as nothing static is */
  if (others() > templates) breach("somebody else is there");
  kill(-1, SIGKILL);
  kill(-1, SIGSTOP);
  while (others()) usleep(1000);
  return 0;
}
