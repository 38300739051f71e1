/*
 * Starting one program: from PID 1 to the first instruction of its own.
 *
 * The child is made by clone(CLONE_VM): it shares the memory of PID 1 (23 us instead of 72 for a fork), but no descriptors. PID 1
 * does not wait for the exec: it sleeps in watch.c already when that comes, and may stop the child before it. So both work in one
 * memory: the child touches nothing but its own stack and the three words in which it says why it failed, which are read when it
 * is dead, and its system calls leave `errno` alone (raw.h). Waited for (CLONE_VFORK) are only a template, a child that is born into
 * a group, and one in a group that is nearly full. The child is undumpable until the exec, as PID 1 is, and no other program
 * lives then.
 *
 * The order matters: control groups while it still has PID 1's rights, limits before the uid, the uid before the
 * scheduler (which nobody may raise again), the descriptors last, so that a failure up to there has a name.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "family.h"
#include "raw.h"
#include "report.h"
#include "seccomp.h"
#include "template/order.h"
#include "weak.h"

#define MOST_FOR_EXEC_BYTES (3u << 20) /* beside what is handed over; here it takes less than 0.2 MiB */

static char stack[64 << 10] __attribute__((aligned(16)));

static _Noreturn void fail(struct launch *launch, enum step step, uint32_t index, long result) {
  launch->index = index;
  launch->error = result < 0 ? (int)-result : EIO;
  launch->step = step;
  for (;;) raw_call(SYS_exit_group, 1, 0, 0, 0, 0);
}

static void enter_groups(struct launch *launch) {
  const struct groups *groups = &launch->cell->groups;
  for (int i = 0; i < groups->entry_count; i++) {
    const long written = raw_call(SYS_write, groups->entries[i], (long)"0", 1, 0, 0);
    if (written != 1) fail(launch, STEP_ENTER_GROUP, (uint32_t)i, written);
  }
}

struct limit {
  __rlimit_resource_t resource;
  uint64_t value;
};

#define MOST_LIMITS 6

/* Those that differ from PID 1's own. */
static uint32_t list_limits(const struct launch *launch, struct limit limits[MOST_LIMITS]) {
  const struct turno_cell_request *fixed = &launch->request->fixed;
  const struct groups *groups = &launch->cell->groups;
  uint32_t count = 0;
  limits[count++] = (struct limit){RLIMIT_STACK, fixed->stack_bytes ? fixed->stack_bytes : RLIM_INFINITY};
  if (weakened("limits")) return count;
  if (launch->socket >= 0) return count; /* the rest each program of a template sets itself */
  /* A backstop for one process; the exact limit of all of them is kept by watch.c. */
  limits[count++] = (struct limit){RLIMIT_CPU, fixed->cpu_ns / 1000000000 + 2};
  limits[count++] = (struct limit){RLIMIT_FSIZE, launch->file_bytes};
  limits[count++] = (struct limit){RLIMIT_NOFILE, fixed->open_files};
  /* A virtual machine could not even start under it: watch.c alone bounds what it uses. */
  const bool reserves = fixed->flags & TURNO_RUN_RESERVES;
  if (groups->memory_limit < 0 && !reserves) limits[count++] = (struct limit){RLIMIT_AS, fixed->memory_bytes};
  if (groups->processes_limit < 0) {
    limits[count++] = (struct limit){RLIMIT_NPROC, fixed->processes + launch->others + groups->kept_processes};
  }
  return count;
}

/* Lowered for good where PID 1 may, and never above what PID 1 itself was given. */
static struct rlimit within(struct rlimit own, uint64_t value) {
  if (value > own.rlim_max) value = own.rlim_max;
  return (struct rlimit){.rlim_cur = value, .rlim_max = value};
}

static void set_limits(struct launch *launch) {
  struct limit limits[MOST_LIMITS];
  const uint32_t count = list_limits(launch, limits);
  for (uint32_t i = 0; i < count; i++) {
    struct rlimit own;
    long result = raw_call(SYS_prlimit64, 0, (long)limits[i].resource, 0, (long)&own, 0);
    if (result) fail(launch, STEP_LIMITS, i, result);
    own = within(own, limits[i].value);
    result = raw_call(SYS_prlimit64, 0, (long)limits[i].resource, (long)&own, 0, 0);
    if (result) fail(launch, STEP_LIMITS, i, result);
  }
}

void run_limits(const struct launch *launch, struct rlimit all[RLIM_NLIMITS]) {
  struct limit limits[MOST_LIMITS];
  const uint32_t count = list_limits(launch, limits);
  for (uint32_t i = 0; i < RLIM_NLIMITS; i++) {
    if (getrlimit((__rlimit_resource_t)i, &all[i])) die(STEP_LIMITS, i, errno, "getrlimit");
  }
  for (uint32_t i = 0; i < count; i++) all[limits[i].resource] = within(all[limits[i].resource], limits[i].value);
}

/* Makes a call that answers 0, or fails. */
static void must(struct launch *launch, enum step step, uint32_t index, long number, long a, long b, long c) {
  const long result = raw_call(number, a, b, c, 0, 0);
  if (result) fail(launch, step, index, result);
}

static void become_program(struct launch *launch) {
  const long id = (long)launch->cell->program_uid;
  if (launch->cell->program_uid != launch->cell->own_uid) {
    must(launch, STEP_IDENTITY, 0, SYS_setresgid, id, id, id);
    must(launch, STEP_IDENTITY, 1, SYS_setresuid, id, id, id);
  }
  if (weakened("capabilities")) return;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  must(launch, STEP_CAPABILITIES, 0, SYS_capset, (long)&header, (long)none, 0);
}

static void step_back(struct launch *launch) {
  const struct sched_param lowest = {0};
  if (weakened("scheduler")) return;
  must(launch, STEP_SCHEDULER, 0, SYS_sched_setscheduler, 0, SCHED_IDLE, (long)&lowest);
}

static void put_at(struct launch *launch, int descriptor, int place, uint32_t index) {
  const long result = raw_call(SYS_dup3, descriptor, place, 0, 0, 0);
  if (result != place) fail(launch, STEP_STREAM, index, result);
}

/* Weakened: as if nothing had been opened with O_CLOEXEC either. */
static void leave_open(long first) {
  for (long i = first; i < 256; i++) raw_call(SYS_fcntl, i, F_SETFD, 0, 0, 0);
}

static void connect_streams(struct launch *launch) {
  for (int i = 0; i < 3; i++) put_at(launch, launch->streams[i], i, (uint32_t)i);
  long first_closed = 3;
  if (launch->socket >= 0) { /* PID 1 has had another descriptor at that number since its start */
    put_at(launch, launch->socket, TEMPLATE_SOCKET, 4);
    first_closed = TEMPLATE_SOCKET + 1;
  }
  if (weakened("descriptors")) return leave_open(first_closed);
  must(launch, STEP_STREAM, 3, SYS_close_range, first_closed, ~0u, 0);
}

static _Noreturn int child(void *argument) {
  struct launch *launch = argument;
  enter_groups(launch);
  must(launch, STEP_PROCESS_GROUP, 0, SYS_setpgid, 0, 0, 0);
  set_limits(launch);
  become_program(launch);
  step_back(launch);
  /* No namespace ends it with PID 1. After the last change of ids, which clears it. */
  if (family_is_bare(launch->cell)) raw_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  connect_streams(launch);
  raw_call(SYS_umask, 022, 0, 0, 0, 0);
  const uint64_t no_signal = 0;
  raw_call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signal, 0, sizeof no_signal, 0);
  const struct request *request = launch->request;
  fail(launch, STEP_EXEC, 0, raw_call(SYS_execve, (long)request->path, (long)request->arguments, (long)launch->environment, 0, 0));
}

/*
 * clone3 into a group. The child goes on with the stack of PID 1, which sleeps until the exec; so the call must not have a
 * frame of its own, to which the child would return before PID 1 does: hence no function of glibc.
 */
static long clone_into(struct launch *launch, int group) {
  struct clone_args arguments = {.flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
  const struct clone_pass pass = seccomp_clone_pass();
  long result;
#if defined(__x86_64__)
  register uint64_t second __asm__("r10") = pass.words[1];
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(__NR_clone3), "D"(&arguments), "S"(sizeof arguments), "d"(pass.words[0]), "r"(second)
                   : "rcx", "r11", "memory");
#elif defined(__aarch64__)
  register uint64_t number __asm__("x8") = __NR_clone3;
  register uint64_t zeroth __asm__("x0") = (uint64_t)&arguments;
  register uint64_t first __asm__("x1") = sizeof arguments;
  register uint64_t second __asm__("x2") = pass.words[0];
  register uint64_t third __asm__("x3") = pass.words[1];
  __asm__ volatile("svc 0" : "+r"(zeroth) : "r"(number), "r"(first), "r"(second), "r"(third) : "memory");
  result = (long)zeroth;
#endif
  if (result == 0) child(launch);
  if (result < 0) errno = (int)-result;
  return result;
}

/*
 * Who is killed because the memory group is full takes with it all that share its memory: before the exec that is PID 1. The kernel
 * spares a child that is waited for (in_vfork() of mm/oom_kill.c). So it is waited for where the group could become full by what
 * precedes the first instruction: arguments and environment, and structures of the kernel.
 */
static bool is_tight(const struct launch *launch) {
  const struct groups *groups = &launch->cell->groups;
  const uint64_t needed = groups->left_over_bytes + launch->request->fixed.payload_bytes + MOST_FOR_EXEC_BYTES;
  return groups->memory_limit >= 0 && groups->memory_bytes < needed;
}

pid_t run_start(struct launch *launch) {
  launch->step = STEP_NONE;
  if (launch->cell->groups.born_into >= 0) {
    long born = clone_into(launch, launch->cell->groups.born_into);
    if (born < 0) die(STEP_SPAWN, 1, errno, "clone3");
    return (pid_t)born;
  }
  const int waits = launch->socket >= 0 || is_tight(launch) ? CLONE_VFORK : 0;
  pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | waits | SIGCHLD, launch);
  if (pid < 0) die(STEP_SPAWN, 0, errno, "clone");
  return pid;
}
