/*
 * What only root may do, in case somebody is root.
 *
 * weak: filter
 */
#include "attack.h"
int main(void) {
  REFUSED(syscall(SYS_sethostname, "x", 1));
  REFUSED(syscall(SYS_acct, "/box/acct"));
  REFUSED(syscall(SYS_quotactl, 0, 0, 0, 0));
  struct timespec epoch = {0};
  REFUSED(syscall(SYS_clock_settime, 0, &epoch));
  REFUSED(syscall(SYS_modify_ldt, 0, 0, 0));
  REFUSED(syscall(SYS_fanotify_init, 0, 0));
  return 0;
}
