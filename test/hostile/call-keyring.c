/*
 * Keyrings outlive processes and are shared by uid.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_add_key, "user", "left", "x", 1, -3));
  REFUSED(syscall(SYS_keyctl, 0, -3, 1));
  REFUSED(syscall(SYS_request_key, "user", "left", 0, 0));
  return 0;
}
