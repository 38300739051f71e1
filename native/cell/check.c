/*
 * `turno-cell --check`: what this machine can offer.
 *
 * Nothing is concluded from versions or files that might mean something: each backend is tried with a cell of its own, and
 * the bits of the hello of the best one say what is in force.
 */
#include "check.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"
#include "layout.h"
#include "remedy.h"
#include "report.h"
#include "retry.h"

#define WANTED_OPEN_FILES 4096 /* --max-open-files unless told */
#define CHECK_UID 64998 /* and the one after it; nobody else's, and not of the cells of a server (64200 and on) */

#define AS_ROOT(command) (geteuid() ? "sudo " command : command)

enum status { PASS, CAUTION, FAIL };

static enum status worst;

static void text(const char *key, const char *value, const char *end) {
  printf("\"%s\": \"", key);
  for (; *value; value++) {
    if (*value == '"' || *value == '\\') putchar('\\');
    if ((unsigned char)*value >= ' ') putchar(*value);
  }
  printf("\"%s", end);
}

static void fact(const char *name, enum status status, const char *found, const char *costs, const char *remedy, const char *command) {
  static const char *const names[] = {"PASS", "CAUTION", "FAIL"};
  if (status > worst) worst = status;
  putchar('{');
  text("fact", name, ", ");
  text("status", names[status], ", ");
  text("found", found, ", ");
  text("costs", status ? costs : "", ", ");
  text("remedy", status ? remedy : "", ", ");
  text("command", status ? command : "", "}\n");
  fflush(stdout);
}

/* A fact that is either so or not. */
static void have(const char *name, bool there, const char *costs, const char *remedy, const char *command) {
  fact(name, there ? PASS : CAUTION, there ? "yes" : "no", costs, remedy, command);
}

/* Makes one cell and ends it. True when it said hello; otherwise the report says why not. */
static bool try_backend(enum backend_wish wish, struct turno_cell_report *report) {
  int ends[2];
  char group[64];
  memset(report, 0, sizeof *report);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return false;
  snprintf(group, sizeof group, "turno-check-%d/cell", getpid());
  pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    if (!freopen("/dev/null", "w", stderr)) _exit(1);
    struct arguments arguments = {.control = ends[1], .turns = -1, .group = group, .uid = CHECK_UID, .backend = wish};
    report_to(ends[1]);
    _exit(keeper_run(&arguments));
  }
  close(ends[1]);
  bool said = recv(ends[0], report, sizeof *report, MSG_WAITALL) == (ssize_t)sizeof *report;
  close(ends[0]);
  if (pid > 0) RETRY(waitpid(pid, NULL, 0));
  return said && report->kind == TURNO_REPORT_HELLO;
}

static void check_kernel(void) {
  struct utsname machine;
  int major = 0, minor = 0;
  uname(&machine);
  sscanf(machine.release, "%d.%d", &major, &minor);
  bool new_enough = major > 5 || (major == 5 && minor >= 12);
  char command[REMEDY_BYTES];
  remedy_kernel(command);
  fact("kernel", new_enough ? PASS : FAIL, machine.release, "the cell needs mount_setattr and close_range", "a kernel from Linux 5.12 on", command);
}

static void check_swap(void) {
  char line[256];
  int lines = 0;
  FILE *swaps = fopen("/proc/swaps", "re");
  while (swaps && fgets(line, sizeof line, swaps)) lines++;
  if (swaps) fclose(swaps);
  fact("swap", lines > 1 ? CAUTION : PASS, lines > 1 ? "on" : "off", "a program over its memory may be slow before it is ended; times vary",
       "turn swap off, and take it out of /etc/fstab", AS_ROOT("swapoff -a"));
}

static void check_governor(void) {
  char governor[64] = "";
  FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "re");
  if (!file) return; /* virtual machines have none, and nothing to set */
  if (fgets(governor, sizeof governor, file)) governor[strcspn(governor, "\n")] = '\0';
  fclose(file);
  fact("governor", strcmp(governor, "performance") ? CAUTION : PASS, governor, "the same program takes different times", "let cores run at full speed",
       geteuid() ? "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
                 : "echo performance | tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
}

/* A program is never given more than the server has itself: a larger limit is kept as that one. */
static void check_open_files(void) {
  struct rlimit files;
  char found[64];
  if (getrlimit(RLIMIT_NOFILE, &files)) return;
  snprintf(found, sizeof found, "%llu at most", (unsigned long long)files.rlim_max);
  fact("open files", files.rlim_max >= WANTED_OPEN_FILES ? PASS : CAUTION, found, "larger limits of open files than that are lowered to it",
       "raise the limit of the shell that starts turno (of a service: LimitNOFILE=1048576)", AS_ROOT("prlimit --pid $$ --nofile=1048576:1048576"));
}

static void check_protections(uint32_t backend) {
  const bool root = geteuid() == 0;
  const char *as_root = "start turno as root", *by_sudo = "sudo env \"PATH=$PATH\" turno serve";
  char command[REMEDY_BYTES];
  have("separate ids", backend & TURNO_BACKEND_SEPARATE_UID, "the filter alone keeps programs from signalling and limiting PID 1 of their cell",
       as_root, by_sudo);
  remedy_groups(command);
  have("control groups", backend & (TURNO_BACKEND_CGROUP_V1 | TURNO_BACKEND_CGROUP_V2),
       "memory is bounded per process and looked at 50 times a second; CPU time of children that nobody waits for is lost; "
       "the memory limit shows as a failing malloc, not as MLE; of Java, Go, JavaScript and TypeScript only the look remains",
       root ? "let turno have the memory, pids and cpuacct (cgroup v2: memory and pids) controllers" : as_root, root ? command : by_sudo);
  remedy_cpu_group(command);
  have("idle cpu group", backend & TURNO_BACKEND_CPU_IDLE_GROUP, "SCHED_IDLE alone keeps programs below the server: a stop takes up to 1 ms longer",
       root ? "let turno have the cpu controller, too, with a kernel from Linux 5.15 on" : as_root, root ? command : by_sudo);
  remedy_user_namespaces(command, false);
  have("user namespace around each cell", backend & TURNO_BACKEND_USER_NAMESPACE, "whoever took over PID 1 of a cell could become any user of the host",
       "allow user namespaces", command);
}

/* Tried for a moment, by this process: what the server does with some of its threads (src/pool/precedence.ts). */
static void check_realtime(void) {
  const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)}, none = {0};
  const bool may = !sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest);
  char found[64];
  snprintf(found, sizeof found, may ? "yes" : "no, %s", strerrorname_np(errno));
  if (may) sched_setscheduler(0, SCHED_OTHER, &none);
  fact("real-time priority of the scheduler", may ? PASS : CAUTION, found, "a program that starts beside endless ones waits up to twice as long",
       geteuid() ? "allow it to the shell that starts turno (of a service: LimitRTPRIO=1)"
                 : "start turno with CAP_SYS_NICE, and in a cpu group that has real-time (cpu.rt_runtime_us)",
       geteuid() ? "sudo prlimit --pid $$ --rtprio=1:1" : "");
}

/* No cell at all. */
static void check_hopeless(bool root) {
  char command[REMEDY_BYTES];
  remedy_user_namespaces(command, !root);
  const char *remedy = *command ? (root ? "allow user namespaces" : "allow user namespaces (as root), or start turno as root")
                       : root   ? "is this a container? start it with --privileged, or with CAP_SYS_ADMIN and an unmasked /proc"
                                : "start turno as root";
  if (!*command && !root) snprintf(command, sizeof command, "sudo env \"PATH=$PATH\" turno serve");
  fact("sandbox", FAIL, "no backend works", "turno refuses to start", remedy, command);
}

/* Whoever asks for no sandbox is told so, each time, whether one could be made or not. */
static void check_unsafe(void) {
  struct turno_cell_report report;
  bool works = try_backend(BACKEND_UNSAFE, &report);
  fact("without a sandbox (--unsafe-no-sandbox)", works ? CAUTION : FAIL, works ? "NONE: programs run unconfined" : (const char *)report.detail,
       geteuid() == 0 ? "programs see all files and networks, as a user of their own; memory and processes are bounded by rlimits only"
                      : "programs can do all that this user can, to turno's own files and processes too",
       "start turno without --unsafe-no-sandbox", "env -u TURNO_UNSAFE_NO_SANDBOX turno serve");
}

int check_print(bool unsafe) {
  static const struct {
    const char *name;
    enum backend_wish wish;
    bool root;
  } backends[] = {{"root with cgroup v1", BACKEND_ROOT_V1, true}, {"root with cgroup v2", BACKEND_ROOT_V2, true}, {"root without control groups", BACKEND_ROOT_PLAIN, true},
                  {"ordinary user with user namespaces", BACKEND_USER, false}};
  const uint32_t groups = TURNO_BACKEND_CGROUP_V1 | TURNO_BACKEND_CGROUP_V2;
  struct turno_cell_report reports[sizeof backends / sizeof *backends], best = {0};
  bool works[sizeof backends / sizeof *backends] = {0};
  const bool root = geteuid() == 0;
  check_kernel();
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
    if (backends[i].root != root) continue;
    works[i] = try_backend(backends[i].wish, &reports[i]);
    if (works[i] && best.kind != TURNO_REPORT_HELLO) best = reports[i];
  }
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
    if (backends[i].root != root) continue;
    /* One version of control groups is enough; which one a machine has is no defect. */
    enum status status = works[i] || best.backend & groups ? PASS : CAUTION;
    fact(backends[i].name, status, works[i] ? "a cell was made" : (const char *)reports[i].detail, "limits are weaker: see control groups",
         "see control groups", "");
  }
  if (best.kind == TURNO_REPORT_HELLO) {
    check_protections(best.backend);
  } else if (!unsafe) {
    check_hopeless(root);
  }
  if (unsafe) check_unsafe();
  check_realtime();
  check_open_files();
  check_swap();
  check_governor();
  return (int)worst;
}
