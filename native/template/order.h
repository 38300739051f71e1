/*
 * What PID 1 of a cell and a template say to each other, over a pair of SOCK_SEQPACKET sockets.
 *
 *     PID 1                                     template                          child
 *       | <------------ answer: I stand -------- |
 *       | -- order, stdin, stdout, stderr -----> | -- clone(CLONE_PARENT) -------> |
 *       | <------------ answer: I am about to run the program -------------------- |
 *
 * The child is a child of PID 1, as every program is. Its pid is not in the answer: the kernel attaches the sender's
 * (SCM_CREDENTIALS), and PID 1 believes that only for a process it can wait for.
 */
#ifndef TURNO_TEMPLATE_ORDER_H
#define TURNO_TEMPLATE_ORDER_H

#include <stdint.h>

#define TEMPLATE_SOCKET 3 /* descriptor of the template's end */
#define TEMPLATE_LIMITS 16 /* RLIM_NLIMITS */

/* Two entries at the end of a template's environment. It takes them out before the program could see them. */
#define TEMPLATE_PRELOAD "LD_PRELOAD=/exe/template.so"
#define TEMPLATE_MARK "TURNO_TEMPLATE=1"

struct template_order {
  uint64_t limits[TEMPLATE_LIMITS][2]; /* soft and hard, by number of the resource: what the child must have */
};

struct template_answer {
  uint32_t step; /* 0, or where it failed: the line in stop.h */
  int32_t error;
};

#endif
