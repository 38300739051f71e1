/*
 * Huge pages come from a pool of the machine and are charged to no memory group.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
  REFUSED(memfd_create("huge", 4));
  return 0;
}
