/*
 * Reads and writes the memory of PID 1.
 *
 * weak: identity, filter, capabilities, undumpable
 */
#include "attack.h"
int main(void) {
  char bytes[8];
  struct iovec mine = {bytes, 8}, theirs = {(void *)0x400000, 8};
  REFUSED(syscall(SYS_process_vm_readv, 1, &mine, 1, &theirs, 1, 0));
  REFUSED(syscall(SYS_process_vm_writev, 1, &mine, 1, &theirs, 1, 0));
  return 0;
}
