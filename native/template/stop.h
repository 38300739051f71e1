/*
 * The inner half of a template: it stands still here, and each order is a child that goes on from here.
 *
 * It runs with the rights of a program, in the groups of the cell, and without any code of a submission having run before
 * (src/languages/template-elf.ts looks at the executable). It is undumpable, so that programs, which have its uid, cannot read or
 * write it; what they can do to it (end it, lower its limits) the child finds out, or PID 1 before it gives an order.
 *
 * Plain system calls only: in a C program the library is not ready yet.
 */
#ifndef TURNO_TEMPLATE_STOP_H
#define TURNO_TEMPLATE_STOP_H

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../raw.h"
#include "order.h"

#define CALL(name, a, b, c, d, e) raw_call(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

static inline _Noreturn void leave(void) {
  for (;;) CALL(exit_group, 1, 0, 0, 0, 0);
}

static inline void say(uint32_t step, long error) {
  struct template_answer answer = {.step = step, .error = (int32_t)error};
  if (CALL(sendto, TEMPLATE_SOCKET, &answer, sizeof answer, MSG_NOSIGNAL, 0) != (long)sizeof answer) leave();
}

static inline _Noreturn void give_up(uint32_t step, long error) {
  say(step, error);
  leave();
}

/* What of a thread's registration with the kernel a fork does not hand on. */
struct thread {
  int *id;
  void *robust_list;
  size_t robust_bytes;
};

/* Limits are lowered or, where somebody has lowered ours, cannot be raised again: then this is no place for a program. */
static inline void take_limits(const struct template_order *order) {
  for (long i = 0; i < TEMPLATE_LIMITS; i++) {
    uint64_t now[2];
    const uint64_t *wanted = order->limits[i];
    if (CALL(prlimit64, 0, i, 0, now, 0)) give_up(__LINE__, i);
    if (now[0] == wanted[0] && now[1] == wanted[1]) continue;
    long error = CALL(prlimit64, 0, i, wanted, 0, 0);
    if (error) give_up(__LINE__, error);
  }
}

static inline void become_program(const struct template_order *order, const int *streams, const struct thread *thread) {
  long error = CALL(setpgid, 0, 0, 0, 0, 0);
  if (error) give_up(__LINE__, error);
  take_limits(order);
  for (int i = 0; i < 3; i++) {
    error = CALL(dup3, streams[i], i, 0, 0, 0);
    if (error != i) give_up(__LINE__, error);
  }
  CALL(set_robust_list, thread->robust_list, thread->robust_bytes, 0, 0, 0);
  error = CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  if (error) give_up(__LINE__, error);
  say(0, 0);
  CALL(close_range, 3, ~0u, 0, 0, 0);
}

/* False: PID 1 has closed its end. */
static inline int take_order(struct template_order *order, int *streams) {
  union {
    char bytes[CMSG_SPACE(3 * sizeof(int))];
    struct cmsghdr alignment;
  } space;
  struct iovec part = {.iov_base = order, .iov_len = sizeof *order};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
  long count;
  do count = CALL(recvmsg, TEMPLATE_SOCKET, &header, 0, 0, 0);
  while (count == -EINTR);
  if (count != (long)sizeof *order || header.msg_controllen < CMSG_LEN(3 * sizeof(int))) return 0;
  const struct cmsghdr *rights = (const struct cmsghdr *)space.bytes;
  for (int i = 0; i < 3; i++) streams[i] = ((const int *)CMSG_DATA(rights))[i];
  return 1;
}

/* Returns once in each child, which is the program from there on. */
static inline void template_stop(void) {
  struct template_order order;
  struct thread thread;
  int streams[3];
  long error = CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!error) error = CALL(prctl, PR_GET_TID_ADDRESS, &thread.id, 0, 0, 0);
  if (!error) error = CALL(get_robust_list, 0, &thread.robust_list, &thread.robust_bytes, 0, 0);
  if (error || !thread.id) give_up(__LINE__, error);
  say(0, 0);
  while (take_order(&order, streams)) {
    /* The library keeps its thread id in a word that the kernel writes: that of the child, before the child runs. */
    const long flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
#if defined(__x86_64__)
    long pid = CALL(clone, flags, 0, 0, thread.id, 0);
#else
    long pid = CALL(clone, flags, 0, 0, 0, thread.id);
#endif
    if (pid == 0) {
      become_program(&order, streams, &thread);
      return;
    }
    if (pid < 0) say(__LINE__, pid);
    for (int i = 0; i < 3; i++) CALL(close, streams[i], 0, 0, 0, 0);
  }
  leave();
}

static inline int begins(const char *text, const char *with) {
  while (*with && *text == *with) text++, with++;
  return !*with;
}

/*
 * Takes the two entries that made this a template out of the environment, which the program shall find as in a fresh start.
 * Behind the environment lies the auxiliary vector; the two places that become free are one entry of it that says nothing
 * (AT_IGNORE), so whoever looks for the vector behind the last entry finds it.
 *
 *     before   ... HOME LD_PRELOAD TURNO_TEMPLATE 0 | AT_x value ...
 *     after    ... HOME 0 | AT_IGNORE 0 | AT_x value ...
 */
static inline void take_out_marks(char **environment) {
  size_t count = 0;
  while (environment[count]) count++;
  if (count < 2 || !begins(environment[count - 2], TEMPLATE_PRELOAD) || !begins(environment[count - 1], TEMPLATE_MARK)) leave();
  for (size_t i = count - 2; i < count; i++) {
    for (volatile char *at = environment[i]; *at; at++) *at = '\0';
  }
  environment[count - 2] = NULL;
  environment[count - 1] = (char *)1; /* AT_IGNORE; its value is the NULL that ended the environment */
}

#endif
