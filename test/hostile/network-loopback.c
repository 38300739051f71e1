/*
 * Talks to servers of the host on loopback.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  struct {
    uint16_t family, port;
    uint32_t address;
    char zero[8];
  } address = {AF_INET, 0x1600, 0x0100007f, {0}};
  int file = socket(AF_INET, SOCK_STREAM, 0);
  REFUSED(file);
  REFUSED(connect(file, (void *)&address, sizeof address));
  return 0;
}
