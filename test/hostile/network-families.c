/*
 * Every family of sockets there is, but UNIX.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  for (int family = 0; family < 50; family++) {
    for (int type = 1; type < 7 && family != AF_UNIX; type++) REFUSED(socket(family, type, 0));
  }
  return 0;
}
