/*
 * Opens files by number, past every directory.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  char handle[128] = {0};
  int mount;
  *(uint32_t *)handle = 100;
  REFUSED(syscall(SYS_name_to_handle_at, -100, "/usr", handle, &mount, 0));
  REFUSED(syscall(SYS_open_by_handle_at, -100, handle, 0));
  return 0;
}
