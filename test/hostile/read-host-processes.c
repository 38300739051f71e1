/*
 * Another process of the host, by its number there. Numbers of the cell are given in turn: the program has the highest.
 *
 * weak: none, because without a PID namespace the cell itself would kill processes of the host
 */
#include "attack.h"
int main(void) {
  for (int pid = getpid() + 1; pid < 70000; pid++) {
    if (getpgid(pid) >= 0) breach("a process of the host");
  }
  return 0;
}
