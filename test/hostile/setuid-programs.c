/*
 * Executes the setuid programs of the host.
 *
 * weak: capabilities
 */
#include "attack.h"
int main(void) {
  static const char *const programs[] = {"/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/chsh"};
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    if (fork() == 0) {
      execl(programs[i], programs[i], "--version", NULL);
      _exit(1);
    }
  }
  while (wait(NULL) > 0) continue;
  REFUSED(setuid(0));
  REFUSED(setgid(0));
  REFUSED(setresuid(getuid() - 1, getuid() - 1, getuid() - 1));
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) breach("privileges can be gained");
  return 0;
}
