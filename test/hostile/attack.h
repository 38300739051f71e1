/*
 * What every attack shares.
 *
 * An attack exits 0 when it was refused everywhere, and calls breach() when something worked that must not. What is expected
 * instead (a limit, a signal) stands in its first comment, read by run-attacks.c:
 *
 *   expect: exit 0 | exit N | signal N | cpu | wall | memory | output | file    alternatives separated by spaces and `or`
 *   limits: cpu=MS wall=MS memory=MIB processes=N output=KIB file=KIB box=MIB
 *   turns: stopped           it is stopped for a while in the middle, and must stand still
 *   compile: inside          it is not run: it is compiled inside the cell, as a submission
 *   weak: NAME               in a cell without this protection it must get through (weak.h of the cell)
 *   only: groups | two-ids   the protection exists only there; elsewhere it is skipped
 */
#ifndef TURNO_ATTACK_H
#define TURNO_ATTACK_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BREACH 66

static inline void breach(const char *what) {
  printf("breach: %s (errno %d)\n", what, errno);
  fflush(stdout);
  _exit(BREACH);
}

/* The call must fail. */
#define REFUSED(call)                       \
  do {                                      \
    if ((long)(call) != -1) breach(#call);  \
  } while (0)

static inline void burn(void) {
  for (;;) __asm__ volatile("");
}

#endif
