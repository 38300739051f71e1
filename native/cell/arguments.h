/* What a cell is told when it is started. */
#ifndef TURNO_CELL_ARGUMENTS_H
#define TURNO_CELL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_MOUNTS 64

enum backend_wish {
  BACKEND_AUTO,        /* the strongest that works here */
  BACKEND_ROOT_V1,     /* root and cgroup v1, or an error */
  BACKEND_ROOT_V2,     /* root and cgroup v2, or an error */
  BACKEND_ROOT_PLAIN,  /* root, without control groups */
  BACKEND_USER,        /* user namespaces of an ordinary user */
  BACKEND_UNSAFE       /* no sandbox: limits and clean-up only */
};

struct extra_mount {
  const char *path;   /* of the host */
  const char *target; /* inside */
};

struct arguments {
  int control;      /* stream socket to the host */
  int turns;        /* turns.turno, or -1: the cell runs everything at once */
  uint32_t slot;    /* index of the slot in it */
  const char *group; /* name of the control group below the server's own, e.g. turno-12/cell-3 */
  uid_t uid;        /* PID 1 is uid, programs are uid + 1; the same numbers are used as group ids */
  enum backend_wish backend;
  struct extra_mount mounts[MAX_MOUNTS]; /* read-only */
  uint32_t mount_count;
};

/* Reads the command line strictly; die()s on anything it does not know. */
struct arguments arguments_read(int argc, char **argv);

#endif
