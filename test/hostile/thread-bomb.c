/*
 * Threads count as processes: creating them must fail at the limit.
 *
 * weak: limits
 */
#include "attack.h"
static void *wait_for_ever(void *nothing) {
  pause();
  return nothing;
}
int main(void) {
  pthread_attr_t small;
  pthread_t thread;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  for (int i = 0; i < 2000; i++) {
    if (pthread_create(&thread, &small, wait_for_ever, NULL)) return i > 64;
  }
  breach("2,000 threads");
}
