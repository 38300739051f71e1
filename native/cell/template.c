/*
 * The outer half of a template: PID 1's side.
 *
 * What a program can do to a template, which has its uid, and what follows from it:
 *
 *     end it, stop it              the next run makes another; SIGCONT goes out before each order
 *     lower its limits             the child compares every limit with what PID 1 says, and gives up if one cannot be had
 *     move it to one core, renice  compared before each order with what it was when it stood first (template_stands)
 *     read, write, trace it        refused by the kernel: it is undumpable; and by the filter
 *     answer in its place          no program has its socket; pids come from the kernel
 *
 * At the time of an order no program lives, so what was looked at does not change afterwards.
 */
#include "template.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exe.h"
#include "report.h"
#include "retry.h"
#include "template/order.h"

#define MOST_COMMAND 4096u
#define MOST_RUNS 256u /* a new one then: what its programs share (addresses, canary, hash seed) shall not last for ever */
#define ANSWER_WITHIN_MS 10000
#define MOST_ENTRIES 256

/* What a stream looks like to a library that sets itself up for it. */
struct kind {
  mode_t type;
  blksize_t block;
  dev_t device;
};

struct command {
  uint64_t number, stack_bytes, executables;
  struct kind streams[3];
  size_t length;
  char text[MOST_COMMAND]; /* path, arguments and environment as they came */
};

/* Word for word what sched_getattr() fills in (sched_attr of linux/sched/types.h, whose names clash with those of libc). */
struct scheduling {
  char attributes[56];
  cpu_set_t cores;
};

static struct {
  struct command command;
  struct scheduling scheduling;
  int socket;
  int children; /* /proc/PID/task/PID/children */
  uint32_t runs;
  bool stands;
} present = {.socket = -1, .children = -1};
static uint64_t refused; /* number of a template that could not be made */
static int own_children = -1;

static bool kind_of(int file, struct kind *kind) {
  struct stat status;
  memset(kind, 0, sizeof *kind);
  if (fstat(file, &status)) return false;
  kind->type = status.st_mode & S_IFMT;
  kind->block = status.st_blksize;
  if (S_ISREG(status.st_mode)) return lseek(file, 0, SEEK_CUR) == 0;
  if (S_ISCHR(status.st_mode)) return kind->device = status.st_rdev, status.st_rdev == makedev(1, 3); /* null */
  return S_ISFIFO(status.st_mode);
}

/* Path, arguments and environment lie behind each other in the payload. */
static bool describe(const struct launch *launch, struct command *command) {
  const struct request *request = launch->request;
  const struct turno_cell_request *fixed = &request->fixed;
  const char *last = fixed->envc ? request->environment[fixed->envc - 1] : request->arguments[fixed->argc - 1];
  memset(command, 0, sizeof *command);
  command->length = (size_t)(last + strlen(last) + 1 - request->path);
  if (command->length > MOST_COMMAND) return false;
  memcpy(command->text, request->path, command->length);
  command->number = fixed->template_number;
  command->stack_bytes = fixed->stack_bytes;
  command->executables = strncmp(request->path, "/exe/", 5) ? 0 : exe_generation();
  for (int i = 0; i < 3; i++) {
    if (!kind_of(launch->streams[i], &command->streams[i])) return false;
  }
  return true;
}

static struct scheduling scheduling_of(pid_t pid) {
  struct scheduling found;
  memset(&found, 0, sizeof found);
  syscall(SYS_sched_getattr, pid, found.attributes, sizeof found.attributes, 0);
  sched_getaffinity(pid, sizeof found.cores, &found.cores);
  return found;
}

static void forget(struct cell *cell) {
  if (present.socket >= 0) close(present.socket);
  if (present.children >= 0) close(present.children);
  present.socket = present.children = -1;
  present.stands = false;
  cell->template_pid = 0;
  cell->groups.kept_bytes = 0;
  cell->groups.kept_processes = 0;
}

/* Between runs and before the program of one: whatever lives is the template, or came out of it. */
static void end(struct cell *cell) {
  if (!cell->template_pid) return;
  if (kill(-1, SIGKILL) && errno != ESRCH) die(STEP_REAP, 2, errno, "kill(-1)");
  while (RETRY(waitpid(-1, NULL, 0)) > 0) continue;
  forget(cell);
}

void template_reaped(struct cell *cell, pid_t pid) {
  if (pid == cell->template_pid) forget(cell);
}

void template_review(struct cell *cell, const struct request *request) {
  const struct turno_cell_request *fixed = &request->fixed;
  const bool asked = (fixed->flags & TURNO_RUN_WARM) && fixed->template_number == present.command.number;
  if (cell->template_pid && !asked && !strncmp(present.command.text, "/exe/", 5)) end(cell);
}

bool template_serves(const struct launch *launch) {
  const struct turno_cell_request *fixed = &launch->request->fixed;
  static struct command scratch;
  if (!(fixed->flags & TURNO_RUN_WARM) || fixed->template_number == refused) return false;
  if (!(launch->cell->backend & TURNO_BACKEND_PID_NAMESPACE)) return false;
  return describe(launch, &scratch);
}

/* Numbers of the children of a process, as the kernel lists them. -1: unknown. */
static int list_children(int file, pid_t pids[2]) {
  char text[64];
  ssize_t length = pread(file, text, sizeof text - 1, 0);
  if (length < 0) return -1;
  text[length] = '\0';
  return length == 0 ? 0 : sscanf(text, "%d %d", &pids[0], &pids[1]);
}

bool template_is_alone(const struct cell *cell) {
  pid_t mine[2], of_template[2];
  if (!cell->template_pid || !present.stands) return false;
  bool alone = list_children(own_children, mine) == 1 && mine[0] == cell->template_pid;
  return alone && list_children(present.children, of_template) == 0;
}

static bool is_in_order(const struct cell *cell) {
  const struct scheduling now = scheduling_of(cell->template_pid);
  struct pollfd polled = {.fd = present.socket, .events = POLLIN};
  return present.runs < MOST_RUNS && template_is_alone(cell) && !memcmp(&now, &present.scheduling, sizeof now) &&
         poll(&polled, 1, 0) == 0;
}

bool template_stands(struct cell *cell, const struct launch *launch) {
  static struct command wanted;
  if (!cell->template_pid) return false;
  if (describe(launch, &wanted) && !memcmp(&wanted, &present.command, sizeof wanted) && is_in_order(cell)) return true;
  end(cell);
  return false;
}

/* An empty stream that looks like the one of the request. */
static int stand_in(const struct cell *cell, const struct kind *kind, int number) {
  if (S_ISFIFO(kind->type)) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return -1;
    close(ends[number == 0]);
    return ends[number != 0];
  }
  if (!S_ISREG(kind->type)) return open("/dev/null", (number ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
  CLOSED_AT_END int file = memfd_create("", MFD_CLOEXEC);
  char path[32];
  snprintf(path, sizeof path, "self/fd/%d", file);
  return openat(cell->processes, path, (number ? O_RDWR : O_RDONLY) | O_CLOEXEC);
}

static int open_children(const struct cell *cell, pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "%d/task/%d/children", pid, pid);
  return openat(cell->processes, path, O_RDONLY | O_CLOEXEC);
}

/* The environment of the request, and the two entries that make it a template. */
static bool mark(const struct request *request, char *marked[MOST_ENTRIES]) {
  size_t count = request->fixed.envc;
  if (count + 3 > MOST_ENTRIES) return false;
  memcpy(marked, request->environment, count * sizeof *marked);
  marked[count++] = (char *)TEMPLATE_PRELOAD;
  marked[count++] = (char *)TEMPLATE_MARK;
  marked[count] = NULL;
  return true;
}

static bool open_stand_ins(struct launch *launch) {
  bool complete = true;
  for (int i = 0; i < 3; i++) {
    struct kind kind;
    launch->streams[i] = stand_in(launch->cell, &present.command.streams[i], i);
    complete = complete && kind_of(launch->streams[i], &kind) && !memcmp(&kind, &present.command.streams[i], sizeof kind);
  }
  return complete;
}

bool template_start(struct cell *cell, const struct launch *launch) {
  static char *marked[MOST_ENTRIES];
  struct launch own = {.cell = cell, .request = launch->request, .environment = marked, .streams = {-1, -1, -1}};
  int ends[2];
  const int yes = 1;
  end(cell);
  if (own_children < 0) own_children = open_children(cell, 1);
  if (own_children < 0 || !describe(launch, &present.command) || !mark(launch->request, marked)) return false;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) die(STEP_SPAWN, 2, errno, "socketpair");
  if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes)) die(STEP_SPAWN, 3, errno, "SO_PASSCRED");
  own.socket = ends[1];
  present.socket = ends[0];
  const bool complete = open_stand_ins(&own);
  if (complete) {
    cell->template_pid = run_start(&own);
    present.children = open_children(cell, cell->template_pid);
    present.runs = 0;
  } else {
    forget(cell);
  }
  close(ends[1]);
  for (int i = 0; i < 3; i++) {
    if (own.streams[i] >= 0) close(own.streams[i]);
  }
  return complete && own.step == STEP_NONE && present.children >= 0;
}

int template_socket(void) { return present.stands ? -1 : present.socket; }

/* 1 = an answer without an error, and who gave it, by the kernel's word. */
static int take_answer(pid_t *from) {
  struct template_answer answer;
  union {
    char bytes[CMSG_SPACE(sizeof(struct ucred))]; /* no room for descriptors: what is sent along is dropped */
    struct cmsghdr alignment;
  } space;
  struct iovec part = {.iov_base = &answer, .iov_len = sizeof answer};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
  ssize_t count = RETRY(recvmsg(present.socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
  if (count < 0 && errno == EAGAIN) return 0;
  const struct cmsghdr *credentials = CMSG_FIRSTHDR(&header);
  if (count != (ssize_t)sizeof answer || answer.step || !credentials || credentials->cmsg_type != SCM_CREDENTIALS) return -1;
  struct ucred sender;
  memcpy(&sender, CMSG_DATA(credentials), sizeof sender);
  *from = sender.pid;
  return 1;
}

int template_answered(void) {
  pid_t from;
  return present.socket < 0 ? -1 : take_answer(&from);
}

void template_keep(struct cell *cell, uint64_t bytes) {
  present.scheduling = scheduling_of(cell->template_pid);
  present.stands = true;
  cell->groups.kept_bytes = bytes;
  cell->groups.kept_processes = 1;
}

void template_refuse(struct cell *cell, uint64_t number) {
  refused = number;
  end(cell);
}

static bool send_order(const struct launch *launch) {
  struct rlimit limits[RLIM_NLIMITS];
  struct template_order order;
  _Static_assert(RLIM_NLIMITS == TEMPLATE_LIMITS, "the kernel has other resources than order.h says");
  run_limits(launch, limits);
  for (int i = 0; i < TEMPLATE_LIMITS; i++) {
    order.limits[i][0] = limits[i].rlim_cur;
    order.limits[i][1] = limits[i].rlim_max;
  }
  union {
    char bytes[CMSG_SPACE(3 * sizeof(int))];
    struct cmsghdr alignment;
  } space = {0};
  struct iovec part = {.iov_base = &order, .iov_len = sizeof order};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(3 * sizeof(int))};
  memcpy(CMSG_DATA(rights), launch->streams, 3 * sizeof(int));
  return RETRY(sendmsg(present.socket, &header, MSG_NOSIGNAL)) == (ssize_t)sizeof order;
}

/* The child says so itself, and the kernel says who it is; that it is ours to wait for makes it a child of PID 1. */
static pid_t take_child(const struct cell *cell) {
  struct pollfd polled = {.fd = present.socket, .events = POLLIN};
  siginfo_t info = {0};
  pid_t pid;
  if (RETRY(poll(&polled, 1, ANSWER_WITHIN_MS)) != 1 || take_answer(&pid) != 1) return 0;
  if (pid <= 1 || pid == cell->template_pid) return 0;
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ? 0 : pid;
}

pid_t template_fork(struct cell *cell, const struct launch *launch) {
  kill(cell->template_pid, SIGCONT);
  pid_t pid = send_order(launch) ? take_child(cell) : 0;
  if (pid) present.runs++;
  else end(cell);
  return pid;
}
