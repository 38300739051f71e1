/* A host in C: what src/pool/cell.ts does, in as few lines as tests need. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OR_DIE(call)                                        \
  do {                                                      \
    if ((call) == -1) {                                     \
      fprintf(stderr, "%s: %s\n", #call, strerror(errno));  \
      exit(99);                                             \
    }                                                       \
  } while (0)

const char *host_cell(void) {
  const char *path = getenv("TURNO_CELL");
  return path ? path : "build/Release/turno-cell";
}

static int make_turns(struct host *host) {
  size_t length = sizeof *host->turns + sizeof *host->slot;
  int file = memfd_create("turns", MFD_CLOEXEC);
  OR_DIE(file);
  OR_DIE(ftruncate(file, (off_t)length));
  host->turns = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  host->slot = (struct turno_slot *)(host->turns + 1);
  host->turns->magic = TURNO_TURNS_MAGIC;
  host->turns->signature = TURNO_CELL_SIGNATURE;
  host->turns->slot_count = 1;
  host->turns->lane_count = 1;
  return file;
}

static _Noreturn void become_cell(int control, int turns, int serial, const char *backend, const char *const *more) {
  char control_text[16], turns_text[16], group[64];
  snprintf(control_text, sizeof control_text, "%d", control);
  snprintf(turns_text, sizeof turns_text, "%d", turns);
  snprintf(group, sizeof group, "turno-test-%d/cell-%d", getppid(), serial);
  const char *arguments[64] = {host_cell(), "--control", control_text, "--turns", turns_text, "--slot", "0",
                               "--group", group, "--uid", "64200", "--backend", backend};
  size_t count = 13;
  for (; more && *more; more++) arguments[count++] = *more;
  fcntl(control, F_SETFD, 0);
  fcntl(turns, F_SETFD, 0);
  execv(arguments[0], (char *const *)arguments);
  perror(arguments[0]);
  _exit(127);
}

bool host_try(struct host *host, const char *backend, const char *const *more) {
  static int serial;
  int ends[2];
  memset(host, 0, sizeof *host);
  OR_DIE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  int turns = make_turns(host);
  host->control = ends[0];
  serial++;
  host->keeper = fork();
  if (host->keeper == 0) become_cell(ends[1], turns, serial, backend, more);
  close(ends[1]);
  close(turns);
  return host_result(host, &host->hello) && host->hello.kind == TURNO_REPORT_HELLO;
}

void host_start(struct host *host, const char *backend, const char *const *more) {
  if (host_try(host, backend, more)) return;
  fprintf(stderr, "no hello: step %u, errno %d, %s\n", host->hello.step, host->hello.errno_, (char *)host->hello.detail);
  exit(99);
}

static size_t put_strings(char *at, const char *const *list, size_t count) {
  size_t used = 0;
  for (size_t i = 0; i < count; i++) used += (size_t)sprintf(at + used, "%s", list[i]) + 1;
  return used;
}

static size_t length_of(const char *const *list) {
  size_t count = 0;
  while (list[count]) count++;
  return count;
}

static size_t put_names(char *at, const struct file *files, size_t count) {
  size_t used = 0;
  for (size_t i = 0; i < count; i++) used += put_strings(at + used, &files[i].name, 1);
  return used;
}

static void send_all(int control, struct turno_cell_request *request, const char *payload, const int *descriptors, size_t count) {
  char space[CMSG_SPACE(sizeof(int) * 250)] __attribute__((aligned(8))) = {0};
  struct iovec parts[2] = {{request, sizeof *request}, {(void *)payload, request->payload_bytes}};
  struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = space, .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * count)};
  memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * count);
  OR_DIE(sendmsg(control, &header, MSG_NOSIGNAL));
}

#define DEFAULT(value, other) ((value) ? (value) : (other))

void host_send(struct host *host, const struct wish *wish, int streams[3]) {
  static char payload[1 << 20];
  const char *const path_only[] = {wish->path, NULL}, *const plain[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
  const char *const *arguments = wish->arguments ? wish->arguments : path_only;
  const char *const *environment = wish->environment ? wish->environment : plain;
  size_t argc = length_of(arguments), envc = length_of(environment), used = 0;
  used += put_strings(payload, &wish->path, 1);
  used += put_strings(payload + used, arguments, argc);
  used += put_strings(payload + used, environment, envc);
  used += put_names(payload + used, wish->in_files, wish->in_count);
  used += put_names(payload + used, wish->out_files, wish->out_count);
  int descriptors[250];
  size_t count = 0;
  for (int i = 0; i < 3; i++) descriptors[count++] = streams[i];
  for (size_t i = 0; i < wish->in_count; i++) descriptors[count++] = wish->in_files[i].descriptor;
  for (size_t i = 0; i < wish->out_count; i++) descriptors[count++] = wish->out_files[i].descriptor;

  host->run++;
  struct turno_cell_request request = {
      .magic = TURNO_CELL_MAGIC, .kind = TURNO_REQUEST_RUN, .run = host->run, .flags = wish->flags,
      .payload_bytes = (uint32_t)used, .argc = (uint16_t)argc, .envc = (uint16_t)envc,
      .in_count = (uint16_t)wish->in_count, .out_count = (uint16_t)wish->out_count,
      .processes = DEFAULT(wish->processes, 64), .open_files = DEFAULT(wish->open_files, 256),
      .cpu_ns = DEFAULT(wish->cpu_ms, 2000) * 1000000, .wall_ns = DEFAULT(wish->wall_ms, 6000) * 1000000,
      .memory_bytes = DEFAULT(wish->memory_bytes, 256ull << 20), .output_bytes = DEFAULT(wish->output_bytes, 1 << 20),
      .file_bytes = DEFAULT(wish->file_bytes, 16 << 20), .box_bytes = DEFAULT(wish->box_bytes, 64 << 20),
      .stack_bytes = wish->stack_bytes, .out_bytes = DEFAULT(wish->out_bytes, 64 << 20),
      .template_number = wish->template, .template_cpu_ns = DEFAULT(wish->template_cpu_ms, 2000) * 1000000};
  __atomic_store_n(&host->slot->state, host->run << 3 | TURNO_SLOT_WAITING, __ATOMIC_SEQ_CST);
  if (!wish->held) __atomic_store_n(&host->slot->wanted, host->run << 2 | TURNO_WANTED_RUN, __ATOMIC_SEQ_CST);
  send_all(host->control, &request, payload, descriptors, count);
}

bool host_result(struct host *host, struct turno_cell_report *report) {
  memset(report, 0, sizeof *report);
  /* Woken by the report only: see take_report() in turno_run.c. */
  poll(&(struct pollfd){.fd = host->control, .events = POLLIN}, 1, -1);
  return recv(host->control, report, sizeof *report, MSG_WAITALL) == (ssize_t)sizeof *report;
}

static size_t read_back(int file, char *text, size_t size) {
  ssize_t length = pread(file, text, size - 1, 0);
  text[length > 0 ? length : 0] = '\0';
  return length > 0 ? (size_t)length : 0;
}

struct outcome *host_run(struct host *host, const struct wish *wish) {
  static struct outcome outcome;
  int streams[3] = {memory_file(wish->input ? wish->input : ""), memory_file(""), memory_file("")};
  memset(&outcome, 0, sizeof outcome);
  host_send(host, wish, streams);
  if (!host_result(host, &outcome.report)) outcome.report.kind = 0;
  if (outcome.report.kind == TURNO_REPORT_ERROR) {
    fprintf(stderr, "# cell error: step %u index %u errno %d: %s\n", outcome.report.step, outcome.report.index,
            outcome.report.errno_, (char *)outcome.report.detail);
  }
  outcome.out_bytes = read_back(streams[1], outcome.out, sizeof outcome.out);
  outcome.err_bytes = read_back(streams[2], outcome.err, sizeof outcome.err);
  for (int i = 0; i < 3; i++) close(streams[i]);
  return &outcome;
}

struct outcome *host_program(struct host *host, const char *source, struct wish wish) {
  int program = compiled(source);
  struct file executable = {"xprogram", program};
  wish.path = "/exe/program";
  wish.in_files = &executable;
  wish.in_count = 1;
  struct outcome *outcome = host_run(host, &wish);
  close(program);
  return outcome;
}

struct outcome *host_shell(struct host *host, const char *script, const char *const *environment) {
  const char *arguments[] = {"sh", "-c", script, NULL};
  return host_run(host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .environment = environment});
}

void host_want(struct host *host, uint32_t wanted) {
  __atomic_store_n(&host->slot->wanted, host->run << 2 | wanted, __ATOMIC_SEQ_CST);
  kill((pid_t)host->slot->cell_pid, SIGRTMIN);
}

int host_end(struct host *host) {
  int status = -1;
  close(host->control);
  if (waitpid(host->keeper, &status, 0) < 0) return -1;
  munmap(host->turns, sizeof *host->turns + sizeof *host->slot);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int memory_file(const char *text) {
  int file = memfd_create("text", MFD_CLOEXEC);
  OR_DIE(file);
  OR_DIE(write(file, text, strlen(text)));
  lseek(file, 0, SEEK_SET);
  return file;
}

/* FNV-1a. */
static uint64_t hash(const char *text) {
  uint64_t sum = 14695981039346656037u;
  for (; *text; text++) sum = (sum ^ (unsigned char)*text) * 1099511628211u;
  return sum;
}

int compiled(const char *source) {
  const char *shared = getenv("TURNO_COMPILED");
  char kept[512], directory[512], path[560], command[700];
  snprintf(kept, sizeof kept, "%.450s/%016llx", shared ? shared : "", (unsigned long long)hash(source));
  int file = shared ? open(kept, O_RDONLY | O_CLOEXEC) : -1;
  if (file >= 0) return file;
  snprintf(directory, sizeof directory, "%.450s/turno-test-XXXXXX", shared ? shared : "/tmp");
  if (!mkdtemp(directory)) OR_DIE(-1);
  snprintf(command, sizeof command, "gcc -O1 -static -w -D_GNU_SOURCE -pthread -x c - -o %s/program -lm", directory);
  FILE *pipe = popen(command, "w");
  fputs(source, pipe);
  if (pclose(pipe)) {
    fprintf(stderr, "does not compile:\n%s\n", source);
    exit(99);
  }
  snprintf(path, sizeof path, "%s/program", directory);
  file = open(path, O_RDONLY | O_CLOEXEC);
  OR_DIE(file);
  if (!shared || chmod(path, 0755) || rename(path, kept)) unlink(path);
  rmdir(directory);
  return file;
}
