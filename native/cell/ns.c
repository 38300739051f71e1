/*
 * Namespaces and identity of a cell.
 *
 * As root the order is: clone(PID, mount, net, IPC, UTS) with all rights, build the tree, and only then a user namespace.
 * So the mounts and the network belong to the outer namespace, where PID 1 has no rights any more, and CAP_SETUID in the
 * inner one reaches exactly two ids:
 *
 *     own      PID 1: CAP_SETUID, CAP_SETGID, CAP_KILL, undumpable
 *     program  everything that is executed: no capabilities at all
 *
 * Sharing one id, a program could signal PID 1, lower its limits and change its scheduling, and later runs would inherit
 * that. An ordinary user can map one id only; then PID 1 is distinguished by its capability, and the filter refuses pid 1 as
 * a target (seccomp.c).
 *
 * Files a program made are handled with the program's fsuid: PID 1 has no CAP_DAC_OVERRIDE, so there is nothing it could be
 * tricked into touching that the program could not have touched itself.
 */
#include "ns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"
#include "report.h"
#include "retry.h"
#include "weak.h"

pid_t namespaces_fork(bool user) {
  unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
  if (user) flags |= CLONE_NEWUSER;
  if (weakened("network")) flags &= ~(unsigned long)CLONE_NEWNET;
  return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
}

static int write_map(pid_t pid, const char *name, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  CLOSED_AT_END int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, text, strlen(text)) < 0) return errno;
  return 0;
}

int namespaces_map_ids(pid_t pid, uid_t own_uid, uid_t program_uid) {
  char map[96];
  snprintf(map, sizeof map, "%u %u 1\n", own_uid, own_uid);
  if (program_uid != own_uid) {
    size_t used = strlen(map);
    snprintf(map + used, sizeof map - used, "%u %u 1\n", program_uid, program_uid);
  }
  /* Who maps only himself must give up setgroups first (user_namespaces(7)); for root it does no harm either. */
  int error = write_map(pid, "setgroups", "deny");
  if (!error) error = write_map(pid, "gid_map", map);
  if (!error) error = write_map(pid, "uid_map", map);
  return error;
}

void identity_map(const struct cell *cell) {
  int error = channel_ask(cell->channel, (struct channel_message){.question = ASK_MAP_IDS}, -1);
  if (error) die(STEP_USER_MAP, 0, error, "ids %u and %u", cell->own_uid, cell->program_uid);
}

/* An ordinary user without a namespace of his own has none, and may not even give up what he cannot get. */
static bool has_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2] = {{0}};
  if (syscall(SYS_capget, &header, sets)) die(STEP_CAPABILITIES, 0, errno, "capget");
  return sets[0].permitted || sets[1].permitted;
}

static void bound_capabilities(void) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)) die(STEP_CAPABILITIES, (uint32_t)capability, errno, "bounding set");
  }
}

static void keep_capabilities(uint32_t kept) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2] = {{.effective = kept, .permitted = kept}};
  if (syscall(SYS_capset, &header, sets)) die(STEP_CAPABILITIES, 0, errno, "capset");
}

/* Weakened: all that root has in the cell's user namespace, where nothing of the host belongs to it, for programs too. */
static void hand_on_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct sets[2] = {{0}};
  syscall(SYS_capget, &header, sets);
  for (int i = 0; i < 2; i++) sets[i].inheritable = sets[i].effective = sets[i].permitted;
  if (syscall(SYS_capset, &header, sets)) die(STEP_CAPABILITIES, 1, errno, "capset");
  for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0)) die(STEP_CAPABILITIES, (uint32_t)i, errno, "ambient set");
  }
}

void identity_lock(struct cell *cell, bool confine) {
  const bool two_ids = cell->own_uid != cell->program_uid;
  if (two_ids && setgroups(0, NULL)) die(STEP_IDENTITY, 0, errno, "setgroups");
  if (confine && unshare(CLONE_NEWUSER) == 0) {
    identity_map(cell);
    cell->backend |= TURNO_BACKEND_USER_NAMESPACE;
  } /* where root may not make user namespaces, the uid is the wall: announced by the missing bit in the hello */

  const bool capable = has_capabilities();
  const bool handed_on = weakened("capabilities") && cell->backend & TURNO_BACKEND_USER_NAMESPACE;
  if (capable && !handed_on) bound_capabilities(); /* while they are in effect: giving up root's id takes them out of it */
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) die(STEP_IDENTITY, 1, errno, "PR_SET_KEEPCAPS");
  if (setresgid(cell->own_uid, cell->own_uid, cell->own_uid)) die(STEP_IDENTITY, 2, errno, "setresgid(%u)", cell->own_uid);
  if (setresuid(cell->own_uid, cell->own_uid, cell->own_uid)) die(STEP_IDENTITY, 3, errno, "setresuid(%u)", cell->own_uid);
  if (handed_on) hand_on_capabilities();
  else if (capable) keep_capabilities(two_ids ? 1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_KILL : 1u << CAP_KILL);
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0)) die(STEP_IDENTITY, 4, errno, "PR_SET_KEEPCAPS");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) die(STEP_IDENTITY, 5, errno, "PR_SET_NO_NEW_PRIVS");
  if (prctl(PR_SET_DUMPABLE, weakened("undumpable"), 0, 0, 0)) die(STEP_IDENTITY, 6, errno, "PR_SET_DUMPABLE");
  /* After the last change of ids: each of them clears it. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) die(STEP_IDENTITY, 7, errno, "PR_SET_PDEATHSIG");
  if (two_ids) cell->backend |= TURNO_BACKEND_SEPARATE_UID;
}

void identity_for_files(const struct cell *cell, bool program) {
  if (cell->own_uid == cell->program_uid) return;
  uid_t id = program ? cell->program_uid : cell->own_uid;
  setfsgid(id);
  setfsuid(id);
  if ((uid_t)setfsuid((uid_t)-1) != id) die(STEP_IDENTITY, 8, EPERM, "setfsuid(%u)", id);
  if (!program && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)) die(STEP_IDENTITY, 7, errno, "PR_SET_PDEATHSIG");
}
