/*
 * Another process of the host, by its number there.
 */
#include "attack.h"
int main(void) {
  for (int pid = 100; pid < 70000; pid++) {
    if (getpgid(pid) >= 0 && pid != getpid()) breach("a process of the host");
  }
  return 0;
}
