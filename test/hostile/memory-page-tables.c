/*
 * Touches one page in each 2 MiB of a huge mapping: page tables grow, hardly any page does.
 *
 * expect: memory
 * limits: memory=32 cpu=10000 wall=20000
 * only: groups
 * weak: limits
 */
#include "attack.h"
int main(void) {
  const size_t length = (size_t)1 << 44;
  char *memory = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return 0;
  volatile char sum = 0;
  for (size_t at = 0; at < (size_t)1 << 36; at += 2 << 20) sum += memory[at];
  if (sum == 0) breach("128 MiB of page tables");
}
