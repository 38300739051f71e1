/*
 * The steps at which a cell, not its program, can fail.
 *
 * A failure travels as {step, index, errno} and becomes text in one place (report.c). Numbers go over the control socket,
 * so a step is only ever added at the end.
 */
#ifndef TURNO_CELL_STEPS_H
#define TURNO_CELL_STEPS_H

#define TURNO_STEPS(STEP)                                                                  \
  STEP(NONE, "nothing", "")                                                                \
  STEP(ARGUMENTS, "reading the arguments", "")                                             \
  STEP(TURNS, "mapping the turns file", "")                                                \
  STEP(GROUPS, "making the control groups", "needs write access to its own group; `turno check` says more") \
  STEP(NAMESPACES, "making the namespaces", "needs root or unprivileged user namespaces")  \
  STEP(USER_MAP, "mapping the user ids", "needs root or a user namespace of its own")      \
  STEP(MOUNT, "mounting", "needs root or unprivileged user namespaces")                    \
  STEP(ROOT, "making the root directory", "")                                              \
  STEP(IDENTITY, "changing identity", "")                                                  \
  STEP(CAPABILITIES, "dropping capabilities", "")                                          \
  STEP(LIMITS, "setting resource limits", "")                                              \
  STEP(FILTER, "loading the system call filter", "needs CONFIG_SECCOMP_FILTER")            \
  STEP(CONTROL, "speaking to the host", "")                                                \
  STEP(REQUEST, "reading a request", "")                                                   \
  STEP(KEEPER, "speaking to the keeper", "")                                               \
  STEP(BOX, "filling the box", "")                                                         \
  STEP(EXECUTABLE, "placing an executable", "")                                            \
  STEP(GROUP_LIMIT, "setting the limits of a control group", "")                           \
  STEP(SPAWN, "starting the program", "")                                                  \
  STEP(ENTER_GROUP, "entering a control group", "")                                        \
  STEP(PROCESS_GROUP, "making a process group", "")                                        \
  STEP(SCHEDULER, "lowering the priority", "")                                             \
  STEP(STREAM, "connecting stdin, stdout and stderr", "")                                  \
  STEP(EXEC, "executing the program", "is the interpreter or compiler mounted into the cell?") \
  STEP(WATCH, "watching the program", "")                                                  \
  STEP(REAP, "ending the processes of the run", "")                                        \
  STEP(MEASURE, "measuring the run", "")                                                   \
  STEP(OUT_FILE, "bringing out a file", "")                                                \
  STEP(CLEAN, "cleaning up between two runs", "")

enum step {
#define STEP(name, text, hint) STEP_##name,
  TURNO_STEPS(STEP)
#undef STEP
      STEP_COUNT
};

#endif
