/*
 * What programs may ask of the kernel: the tables of the filter (seccomp.c), which says how they are read.
 *
 * New calls of new kernels are refused until somebody has thought about them and added them here.
 */
#ifndef TURNO_CELL_SYSCALLS_H
#define TURNO_CELL_SYSCALLS_H

#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/ioctl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum comparison { ALWAYS, EQUALS, DIFFERS, HAS_BITS, HIGH_HALF_SET };

struct test {
  enum comparison comparison;
  unsigned argument;
  uint32_t value; /* compared with the lower half of the argument */
};

/* The first rule of a call whose tests hold answers: with `error`, or 0 = the call is made. Without one, the lists decide. */
struct rule {
  uint32_t call;
  int error;
  struct test tests[2];
};

#define ARG(number, comparison, value) {comparison, number, (uint32_t)(value)}
#define ALLOW 0
#define NAMESPACES 0x7e020000u /* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
#define NOT_PID_1(call, argument) {call, EPERM, {ARG(argument, EQUALS, 1)}}
#define OPTION(option) {__NR_prctl, ALLOW, {ARG(0, EQUALS, option)}}

static const struct rule rules[] = {
    {__NR_mmap, ENOMEM, {ARG(3, HAS_BITS, MAP_HUGETLB)}},
    {__NR_clone, EPERM, {ARG(0, HAS_BITS, NAMESPACES)}},
    {__NR_memfd_create, EINVAL, {ARG(1, HAS_BITS, 4 /* MFD_HUGETLB */)}},

    {__NR_fcntl, EPERM, {ARG(1, EQUALS, F_SETFL), ARG(2, HAS_BITS, O_ASYNC)}},
    {__NR_fcntl, EPERM, {ARG(1, EQUALS, F_SETSIG)}},
    {__NR_fcntl, EPERM, {ARG(1, EQUALS, F_SETOWN)}},
    {__NR_fcntl, EPERM, {ARG(1, EQUALS, F_SETOWN_EX)}},
    {__NR_fcntl, EPERM, {ARG(1, EQUALS, F_SETLEASE)}},
    {__NR_fcntl, EPERM, {ARG(1, EQUALS, F_NOTIFY)}},
    {__NR_ioctl, EPERM, {ARG(1, EQUALS, FIOASYNC)}},
    {__NR_ioctl, EPERM, {ARG(1, EQUALS, FIOSETOWN)}},
    {__NR_ioctl, EPERM, {ARG(1, EQUALS, SIOCSPGRP)}},
    {__NR_ioctl, EPERM, {ARG(1, EQUALS, TIOCSTI)}},
    {__NR_ioctl, EPERM, {ARG(1, EQUALS, 0x541c /* TIOCLINUX */)}},
    {__NR_timer_create, EPERM, {ARG(1, DIFFERS, 0)}},
    {__NR_timer_create, EPERM, {ARG(1, HIGH_HALF_SET, 0)}},

    /* A program for the kernel: of what it keeps of that, not all is in the memory group. */
    {__NR_setsockopt, EPERM, {ARG(1, EQUALS, SOL_SOCKET), ARG(2, EQUALS, SO_ATTACH_FILTER)}},
    {__NR_setsockopt, EPERM, {ARG(1, EQUALS, SOL_SOCKET), ARG(2, EQUALS, SO_ATTACH_BPF)}},
    {__NR_setsockopt, EPERM, {ARG(1, EQUALS, SOL_SOCKET), ARG(2, EQUALS, SO_ATTACH_REUSEPORT_CBPF)}},
    {__NR_setsockopt, EPERM, {ARG(1, EQUALS, SOL_SOCKET), ARG(2, EQUALS, SO_ATTACH_REUSEPORT_EBPF)}},

    {__NR_socket, EAFNOSUPPORT, {ARG(0, DIFFERS, AF_UNIX)}},
    {__NR_socketpair, EAFNOSUPPORT, {ARG(0, DIFFERS, AF_UNIX)}},

    /* It is 1, and shall not become 0 (serve.c). */
    {__NR_setrlimit, EPERM, {ARG(0, EQUALS, RLIMIT_CORE)}},
    {__NR_prlimit64, EPERM, {ARG(1, EQUALS, RLIMIT_CORE), ARG(2, DIFFERS, 0)}},
    {__NR_prlimit64, EPERM, {ARG(1, EQUALS, RLIMIT_CORE), ARG(2, HIGH_HALF_SET, 0)}},

    NOT_PID_1(__NR_kill, 0),
    NOT_PID_1(__NR_tkill, 0),
    NOT_PID_1(__NR_tgkill, 0),
    NOT_PID_1(__NR_tgkill, 1),
    NOT_PID_1(__NR_rt_sigqueueinfo, 0),
    NOT_PID_1(__NR_rt_tgsigqueueinfo, 0),
    NOT_PID_1(__NR_pidfd_open, 0),
    NOT_PID_1(__NR_prlimit64, 0),
    NOT_PID_1(__NR_sched_setscheduler, 0),
    NOT_PID_1(__NR_sched_setparam, 0),
    NOT_PID_1(__NR_sched_setattr, 0),
    NOT_PID_1(__NR_sched_setaffinity, 0),
    NOT_PID_1(__NR_setpriority, 1),
    {__NR_setpriority, EPERM, {ARG(0, DIFFERS, PRIO_PROCESS)}},

    {__NR_personality, ALLOW, {ARG(0, EQUALS, 0)}},
    {__NR_personality, ALLOW, {ARG(0, EQUALS, 0xffffffffu)}},
    {__NR_personality, ALLOW, {ARG(0, EQUALS, 0x0040000 /* ADDR_NO_RANDOMIZE */)}},
    {__NR_personality, EPERM, {{ALWAYS, 0, 0}}},

    OPTION(PR_SET_NAME),
    OPTION(PR_GET_NAME),
    OPTION(PR_GET_DUMPABLE),
    OPTION(PR_SET_DUMPABLE),
    OPTION(PR_GET_PDEATHSIG),
    OPTION(PR_GET_SECCOMP),
    OPTION(PR_GET_NO_NEW_PRIVS),
    OPTION(PR_SET_NO_NEW_PRIVS),
    OPTION(PR_CAPBSET_READ),
    OPTION(PR_GET_TIMERSLACK),
    OPTION(PR_SET_TIMERSLACK),
    OPTION(PR_GET_THP_DISABLE),
    OPTION(PR_SET_THP_DISABLE),
    OPTION(PR_GET_SPECULATION_CTRL),
    OPTION(PR_GET_TID_ADDRESS),
    OPTION(0x53564d41 /* PR_SET_VMA: names of mappings */),
    {__NR_prctl, ALLOW, {ARG(0, EQUALS, PR_SET_PDEATHSIG), ARG(1, EQUALS, SIGKILL)}},
    {__NR_prctl, EINVAL, {{ALWAYS, 0, 0}}},

    /* Attributes of a directory would survive it being emptied. */
    {__NR_setxattr, EOPNOTSUPP, {{ALWAYS, 0, 0}}},
    {__NR_lsetxattr, EOPNOTSUPP, {{ALWAYS, 0, 0}}},
    {__NR_fsetxattr, EOPNOTSUPP, {{ALWAYS, 0, 0}}},
    {__NR_ioctl, EOPNOTSUPP, {ARG(1, EQUALS, FS_IOC_SETFLAGS)}},
    {__NR_ioctl, EOPNOTSUPP, {ARG(1, EQUALS, FS_IOC_FSSETXATTR)}},
};

static const uint32_t allowed_calls[] = {
    /* files */
    __NR_read, __NR_write, __NR_pread64, __NR_pwrite64, __NR_readv, __NR_writev, __NR_preadv, __NR_pwritev, __NR_preadv2,
    __NR_pwritev2, __NR_openat, __NR_openat2, __NR_close, __NR_close_range, __NR_lseek, __NR_fstat, __NR_newfstatat, __NR_statx,
    __NR_statfs, __NR_fstatfs, __NR_faccessat, __NR_faccessat2, __NR_readlinkat, __NR_getdents64, __NR_getcwd, __NR_chdir,
    __NR_fchdir, __NR_mkdirat, __NR_unlinkat, __NR_renameat2, __NR_linkat, __NR_symlinkat, __NR_mknodat, __NR_fchmod,
    __NR_fchmodat, __NR_fchown, __NR_fchownat, __NR_utimensat, __NR_umask, __NR_truncate, __NR_ftruncate, __NR_fallocate,
    __NR_fadvise64, __NR_readahead, __NR_fsync, __NR_fdatasync, __NR_sync_file_range, __NR_flock, __NR_fcntl, __NR_ioctl,
    __NR_dup, __NR_dup3, __NR_pipe2, __NR_splice, __NR_tee, __NR_vmsplice, __NR_sendfile, __NR_copy_file_range,
    __NR_getxattr, __NR_lgetxattr, __NR_fgetxattr, __NR_listxattr, __NR_llistxattr, __NR_flistxattr, __NR_memfd_create,
#ifdef __NR_fchmodat2
    __NR_fchmodat2,
#endif
    /* waiting */
    __NR_ppoll, __NR_pselect6, __NR_epoll_create1, __NR_epoll_ctl, __NR_epoll_pwait, __NR_eventfd2, __NR_signalfd4,
    __NR_timerfd_create, __NR_timerfd_settime, __NR_timerfd_gettime,
#ifdef __NR_epoll_pwait2
    __NR_epoll_pwait2,
#endif
    /* memory */
    __NR_mmap, __NR_munmap, __NR_mremap, __NR_mprotect, __NR_madvise, __NR_mincore, __NR_msync, __NR_brk, __NR_mlock,
    __NR_mlock2, __NR_munlock, __NR_mlockall, __NR_munlockall, __NR_membarrier, __NR_get_mempolicy, __NR_pkey_alloc,
    __NR_pkey_free, __NR_pkey_mprotect,
    /* processes */
    __NR_clone, __NR_execve, __NR_execveat, __NR_exit, __NR_exit_group, __NR_wait4, __NR_waitid, __NR_getpid, __NR_getppid,
    __NR_gettid, __NR_getpgid, __NR_setpgid, __NR_getsid, __NR_setsid, __NR_set_tid_address, __NR_set_robust_list,
    __NR_get_robust_list, __NR_futex, __NR_rseq, __NR_prlimit64, __NR_getrlimit, __NR_setrlimit, __NR_getrusage, __NR_times,
    __NR_sched_yield, __NR_sched_getaffinity, __NR_sched_setaffinity, __NR_sched_getscheduler, __NR_sched_setscheduler,
    __NR_sched_getparam, __NR_sched_setparam, __NR_sched_getattr, __NR_sched_setattr, __NR_sched_get_priority_max,
    __NR_sched_get_priority_min, __NR_sched_rr_get_interval, __NR_getpriority, __NR_setpriority, __NR_ioprio_get, __NR_getcpu,
    __NR_restart_syscall, __NR_pidfd_open, __NR_pidfd_send_signal,
#ifdef __NR_futex_waitv
    __NR_futex_waitv,
#endif
    /* identity: all fail for want of rights, PID 1 needs some */
    __NR_getuid, __NR_geteuid, __NR_getgid, __NR_getegid, __NR_getresuid, __NR_getresgid, __NR_getgroups, __NR_setuid,
    __NR_setgid, __NR_setreuid, __NR_setregid, __NR_setresuid, __NR_setresgid, __NR_setfsuid, __NR_setfsgid, __NR_setgroups,
    __NR_capget, __NR_capset,
    /* signals and time */
    __NR_kill, __NR_tkill, __NR_tgkill, __NR_rt_sigaction, __NR_rt_sigprocmask, __NR_rt_sigreturn, __NR_rt_sigpending,
    __NR_rt_sigsuspend, __NR_rt_sigtimedwait, __NR_rt_sigqueueinfo, __NR_rt_tgsigqueueinfo, __NR_sigaltstack, __NR_nanosleep,
    __NR_clock_nanosleep, __NR_clock_gettime, __NR_clock_getres, __NR_gettimeofday, __NR_getitimer, __NR_setitimer,
    __NR_timer_create, __NR_timer_settime, __NR_timer_gettime, __NR_timer_getoverrun, __NR_timer_delete,
    /* talking among themselves */
    __NR_socket, __NR_socketpair, __NR_bind, __NR_listen, __NR_accept, __NR_accept4, __NR_connect, __NR_shutdown,
    __NR_getsockname, __NR_getpeername, __NR_getsockopt, __NR_setsockopt, __NR_sendto, __NR_recvfrom, __NR_sendmsg,
    __NR_recvmsg, __NR_sendmmsg, __NR_recvmmsg,
    /* about the machine */
    __NR_uname, __NR_sysinfo, __NR_getrandom,
#ifdef __x86_64__
    __NR_open, __NR_creat, __NR_stat, __NR_lstat, __NR_access, __NR_readlink, __NR_getdents, __NR_mkdir, __NR_rmdir,
    __NR_unlink, __NR_rename, __NR_renameat, __NR_link, __NR_symlink, __NR_mknod, __NR_chmod, __NR_chown, __NR_lchown,
    __NR_utime, __NR_utimes, __NR_futimesat, __NR_dup2, __NR_pipe, __NR_poll, __NR_select, __NR_epoll_create, __NR_epoll_wait,
    __NR_eventfd, __NR_signalfd, __NR_fork, __NR_vfork, __NR_getpgrp, __NR_alarm, __NR_pause, __NR_time,
    __NR_arch_prctl,
#endif
};

/* No program has a use for them and no library tries them: whoever makes one is ended, and told which it was. */
#define FATAL(call) {__NR_##call, #call}
static const struct {
  uint32_t call;
  const char *name;
} fatal_calls[] = {
    FATAL(reboot), FATAL(kexec_load), FATAL(init_module), FATAL(finit_module), FATAL(delete_module), FATAL(swapon), FATAL(swapoff),
#ifdef __NR_kexec_file_load
    FATAL(kexec_file_load),
#endif
#ifdef __x86_64__
    FATAL(iopl), FATAL(ioperm),
#endif
};

/* Known, and dangerous or pointless here: an ordinary "not permitted" instead of "no such call". */
static const uint32_t refused_calls[] = {
    __NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_pidfd_getfd, __NR_kcmp, __NR_process_madvise,
    __NR_mount, __NR_umount2, __NR_pivot_root, __NR_chroot, __NR_unshare, __NR_setns, __NR_open_tree, __NR_move_mount,
    __NR_fsopen, __NR_fsconfig, __NR_fsmount, __NR_fspick, __NR_mount_setattr, __NR_name_to_handle_at, __NR_open_by_handle_at,
    __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_fanotify_init, __NR_fanotify_mark, __NR_inotify_init1,
    __NR_inotify_add_watch, __NR_inotify_rm_watch, __NR_io_uring_setup,
    __NR_io_uring_enter, __NR_io_uring_register, __NR_add_key, __NR_request_key, __NR_keyctl, __NR_seccomp, __NR_syslog,
    __NR_acct, __NR_quotactl, __NR_settimeofday, __NR_clock_settime, __NR_clock_adjtime, __NR_adjtimex, __NR_sethostname,
    __NR_setdomainname, __NR_vhangup, __NR_ioprio_set, __NR_migrate_pages, __NR_move_pages, __NR_mbind, __NR_set_mempolicy,
    __NR_lookup_dcookie, __NR_sync, __NR_syncfs, __NR_shmget, __NR_shmat, __NR_shmctl, __NR_shmdt, __NR_msgget, __NR_msgsnd,
    __NR_msgrcv, __NR_msgctl, __NR_semget, __NR_semop, __NR_semctl, __NR_semtimedop, __NR_mq_open, __NR_mq_unlink,
    __NR_mq_timedsend, __NR_mq_timedreceive, __NR_mq_notify, __NR_mq_getsetattr, __NR_removexattr, __NR_lremovexattr,
    __NR_fremovexattr,
#ifdef __x86_64__
    __NR_modify_ldt, __NR_uselib, __NR_ustat, __NR_sysfs, __NR_inotify_init,
#endif
};

#endif
