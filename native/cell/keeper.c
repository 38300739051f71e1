/*
 * The keeper stays in the host's namespaces with the rights the host gave it. It makes the control groups, forks PID 1,
 * answers its questions (channel.h), and when PID 1 is dead, with it every process of the cell, removes the groups.
 *
 * Its own end ends the cell: PID 1 has PDEATHSIG and sees the channel close. The host's end ends it: PDEATHSIG of the thread
 * that spawned it arrives as SIGTERM. PID 1 sees the control socket close by itself. Only `kill -9` of the keeper leaves
 * groups behind; they are empty, and named after a server that can be looked up.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "ns.h"
#include "report.h"
#include "retry.h"
#include "root.h"
#include "serve.h"
#include "unsafe.h"
#include "weak.h"

struct keeper {
  const struct arguments *arguments;
  struct cell cell;
  pid_t pid;
  int channel;
  int signals;
  int store; /* file system context of the cell's store */
};

/* Node ignores SIGPIPE and blocks nothing for us, but what a parent ignores is inherited through exec: all back to default. */
static void reset_signals(void) {
  for (int number = 1; number < NSIG; number++) {
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  }
}

/* Nothing the host left open by mistake reaches a cell: everything but stdio, control and turns is closed. */
static void close_inherited(const struct arguments *arguments) {
  unsigned control = (unsigned)arguments->control;
  unsigned turns = arguments->turns < 0 ? control : (unsigned)arguments->turns;
  unsigned low = control < turns ? control : turns, high = control < turns ? turns : control;
  if (low > 3) syscall(SYS_close_range, 3, low - 1, 0);
  if (high > low + 1) syscall(SYS_close_range, low + 1, high - 1, 0);
  syscall(SYS_close_range, high + 1, ~0u, 0);
  for (unsigned kept = low;; kept = high) {
    fcntl((int)kept, F_SETFD, FD_CLOEXEC);
    if (kept == high) break;
  }
}

static int open_signals(void) {
  sigset_t watched;
  sigemptyset(&watched);
  for (size_t i = 0; i < 4; i++) sigaddset(&watched, (const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP}[i]);
  if (sigprocmask(SIG_SETMASK, &watched, NULL)) die(STEP_WATCH, 2, errno, "sigprocmask");
  int signals = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) die(STEP_WATCH, 3, errno, "signalfd");
  return signals;
}

static void make_groups(struct keeper *keeper) {
  enum backend_wish wish = keeper->arguments->backend;
  keeper->cell.groups = groups_none();
  const char *name = keeper->arguments->group;
  if (wish == BACKEND_AUTO || wish == BACKEND_ROOT_V1) keeper->cell.groups = groups_make_v1(name, wish == BACKEND_ROOT_V1);
  bool none = !keeper->cell.groups.backend && geteuid() == 0;
  if ((wish == BACKEND_AUTO && none) || wish == BACKEND_ROOT_V2) {
    keeper->cell.groups = groups_make_v2(name, keeper->cell.own_uid, wish == BACKEND_ROOT_V2);
  }
}

static int resize_store(const struct keeper *keeper, const struct channel_message *message) {
  char bytes[24];
  snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)message->bytes);
  if (syscall(SYS_fsconfig, keeper->store, FSCONFIG_SET_STRING, "size", bytes, 0)) return errno;
  if (syscall(SYS_fsconfig, keeper->store, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)) return errno;
  return 0;
}

/* False: PID 1 has closed its end. */
static bool answer(struct keeper *keeper) {
  struct channel_message message;
  int descriptor, error = EINVAL;
  if (!channel_take(keeper->channel, &message, &descriptor)) return false;
  if (message.question == ASK_MAP_IDS) {
    error = namespaces_map_ids(keeper->pid, keeper->cell.own_uid, keeper->cell.program_uid);
  } else if (message.question == ASK_KEEP_STORE && keeper->store < 0) {
    keeper->store = descriptor;
    error = descriptor < 0 ? EBADF : 0;
  } else if (message.question == ASK_STORE_SIZE) {
    error = resize_store(keeper, &message);
  }
  channel_answer(keeper->channel, &message, error);
  return true;
}

static int look_after(struct keeper *keeper) {
  struct pollfd polled[] = {{.fd = keeper->signals, .events = POLLIN}, {.fd = keeper->channel, .events = POLLIN}};
  for (;;) {
    if (RETRY(poll(polled, 2, -1)) < 0) return 1;
    if (polled[1].revents && !answer(keeper)) polled[1].fd = -1;
    struct signalfd_siginfo signal;
    while (polled[0].revents && read(keeper->signals, &signal, sizeof signal) == (ssize_t)sizeof signal) {
      if (signal.ssi_signo != SIGCHLD) kill(keeper->pid, SIGKILL);
    }
    int status;
    if (waitpid(keeper->pid, &status, WNOHANG) == keeper->pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  }
}

int keeper_run(const struct arguments *arguments) {
  struct keeper keeper = {.arguments = arguments, .store = -1};
  const bool unsafe = arguments->backend == BACKEND_UNSAFE;
  bool user = arguments->backend == BACKEND_USER || ((arguments->backend == BACKEND_AUTO || unsafe) && geteuid() != 0);
  if (arguments->uid == (uid_t)-1 && !user) die(STEP_ARGUMENTS, 0, EINVAL, "--uid is missing");
  if (user && geteuid() == 0) die(STEP_ARGUMENTS, 0, EINVAL, "--backend user: programs would be the host's root; use root-plain");
  keeper.cell.own_uid = user ? geteuid() : arguments->uid;
  keeper.cell.program_uid = weakened("identity") ? keeper.cell.own_uid : user ? geteuid() : arguments->uid + 1;
  keeper.cell.control = arguments->control;

  reset_signals();
  close_inherited(arguments);
  if (setpgid(0, 0) && errno != EPERM) die(STEP_PROCESS_GROUP, 0, errno, "setpgid");
  if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0)) die(STEP_KEEPER, 2, errno, "PR_SET_PDEATHSIG");
  keeper.signals = open_signals();
  make_groups(&keeper);
  report_before_death(groups_remove);
  if (unsafe) unsafe_make(&keeper.cell);

  int channel[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel)) die(STEP_KEEPER, 3, errno, "socketpair");
  keeper.pid = unsafe ? fork() : namespaces_fork(user);
  if (keeper.pid < 0) die(STEP_NAMESPACES, 0, errno, "clone");
  if (keeper.pid == 0) {
    report_before_death(NULL);
    close(channel[0]);
    close(keeper.signals);
    keeper.cell.channel = channel[1];
    serve(&keeper.cell, arguments, user);
  }
  groups_adopt(keeper.pid); /* before the first answer, without which PID 1 starts nothing */
  keeper.channel = channel[0];
  close(channel[1]);
  close(arguments->control); /* the host shall see its end when PID 1 ends, not when the keeper does */
  if (arguments->turns >= 0) close(arguments->turns);
  report_to(-1);
  int status = look_after(&keeper);
  unsafe_remove(&keeper.cell);
  groups_remove();
  return status;
}
