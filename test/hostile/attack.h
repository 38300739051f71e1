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
 *   plant: NAME...           executable files of these names, with its own text, lie beside it when it is compiled
 *   times: 2                 it is run twice in the same cell
 *   beside: victim           while it runs, a second cell runs it with the argument `victim`, which says "ready" when it is
 *   template: looked at      the host's own look at the executable refuses it a template (template-elf.ts): it is never warm
 *   template: given up       the template is asked for, but never stands: it is run fresh
 *   only: groups | two-ids   the protection exists only there; elsewhere it is skipped
 *   weak: NAME, NAME...      in a cell without these protections it must get through (weak.h of the cell); `look`: from a
 *                            template nobody has looked at; `environment`: compiled with COMPILER_PATH, which no request has
 *   weak: none, because REASON
 *   needs: PATH[=VALUE] | linux N.N    in kernels without this file (with this value), or older, it gets through no cell
 *
 * Every attack has a `weak:`. What is to get through where there are no limits bounds itself: it stops at four times its limit.
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

/* Of processes together, to bound what is to get through a cell without limits. */
static inline int *shared_number(void) {
  return mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static inline void one_more(int *number) { __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST); }

static inline void bounded(const int *number, int most, const char *what) {
  if (__atomic_load_n(number, __ATOMIC_SEQ_CST) >= most) breach(what);
}

static inline void burn(void) {
  for (;;) __asm__ volatile("");
}

#endif
