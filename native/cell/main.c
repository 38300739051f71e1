/*
 * turno-cell: one sandbox, made once, used for many runs.
 *
 *   host (Node thread)
 *     |  control socket: requests with descriptors, reports          turns.turno, mapped shared: who may run now
 *     |                         \                                     /
 *     +- keeper ----------------- PID 1 ---------------- program, and whatever it forks
 *        host's namespaces        own PID, mount, net,   same namespaces, control groups,
 *        and rights; makes        IPC, UTS and user      another uid, no capabilities,
 *        and removes groups       namespace; CAP_SETUID  SCHED_IDLE
 *                  \_ channel _/  CAP_SETGID CAP_KILL
 *
 * What costs time is done once: namespaces, tree, uid map, filter. A run is a clone, an exec and the clean-up.
 *
 * Who ends whom: the host closes the control socket, PID 1 kills what runs and exits; PID 1's end ends every process of the
 * namespace (the kernel sees to it), the keeper removes the control groups and exits. Any of the three killed from outside
 * takes the others along (PDEATHSIG, end of the socket, end of the channel).
 */
#include <string.h>

#include "arguments.h"
#include "check.h"
#include "keeper.h"

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "--check")) return check_print(false);
  if (argc == 3 && !strcmp(argv[1], "--check") && !strcmp(argv[2], "unsafe")) return check_print(true);
  struct arguments arguments = arguments_read(argc, argv);
  return keeper_run(&arguments);
}
