/*
 * Extends its stdout beyond the limit by ftruncate.
 *
 * weak: limits
 */
#include "attack.h"
int main(void) {
  signal(SIGXFSZ, SIG_IGN);
  if (ftruncate(1, (off_t)1 << 40) == 0) breach("1 TiB of stdout");
  return 0;
}
