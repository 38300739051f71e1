/*
 * Two threads burn on two cores: the limit is for both together.
 *
 * expect: cpu
 * limits: cpu=200
 * weak: limits
 */
#include "attack.h"
static void *also(void *nothing) {
  burn();
  return nothing;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, also, NULL);
  burn();
}
