/*
 * SysV shared memory, semaphores and queues outlive processes.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_shmget, 1, 4096, 01666));
  REFUSED(syscall(SYS_semget, 1, 1, 01666));
  REFUSED(syscall(SYS_msgget, 1, 01666));
  REFUSED(syscall(SYS_mq_open, "left", 0102, 0666, 0));
  return 0;
}
