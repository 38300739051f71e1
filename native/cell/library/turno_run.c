/*
 * libturno_run: the host's side of a cell for C programs.
 *
 * It speaks the protocol of src/pool/cell-layout.ts without a scheduler: the cell gets no turns file and runs at once.
 */
#include "../turno_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../retry.h"
#include "layout.h"

#define MOST_ARGUMENTS 160
#define MOST_PAYLOAD (1u << 20)
#define FIRST_UID 64100u

struct turno_cell {
  pid_t keeper;
  int control;
  uint32_t run; /* number of the last run */
  uint32_t backend;
  char payload[MOST_PAYLOAD];
};

static int failed(struct turno_result *result, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(result->error, sizeof result->error, format, arguments);
  va_end(arguments);
  return -1;
}

/* $TURNO_CELL, beside the calling executable, or by the PATH. */
static const char *cell_path(const struct turno_settings *settings, char beside[PATH_MAX]) {
  const char *named = settings && settings->cell ? settings->cell : getenv("TURNO_CELL");
  if (named) return named;
  ssize_t length = readlink("/proc/self/exe", beside, PATH_MAX - 16);
  char *slash = length > 0 ? (beside[length] = '\0', strrchr(beside, '/')) : NULL;
  if (slash) strcpy(slash + 1, "turno-cell");
  return slash && access(beside, X_OK) == 0 ? beside : "turno-cell";
}

struct command {
  const char *words[MOST_ARGUMENTS];
  char control[16], group[64], uid[16], beside[PATH_MAX];
};

static bool write_command(struct command *command, const struct turno_settings *settings, int control, unsigned serial) {
  size_t count = 0;
  const unsigned uid = settings && settings->uid ? settings->uid : FIRST_UID + 2 * (serial % 16000);
  snprintf(command->control, sizeof command->control, "%d", control);
  snprintf(command->group, sizeof command->group, "turno-run-%d/cell-%u", getpid(), serial);
  snprintf(command->uid, sizeof command->uid, "%u", uid);
  const char *fixed[] = {cell_path(settings, command->beside), "--control", command->control, "--group", command->group, "--uid",
                         command->uid, "--backend", settings && settings->backend ? settings->backend : "auto"};
  for (; count < sizeof fixed / sizeof *fixed; count++) command->words[count] = fixed[count];
  for (const char *const *mount = settings ? settings->mounts : NULL; mount && *mount; mount++) {
    if (count + 3 > MOST_ARGUMENTS) return false;
    command->words[count++] = "--mount";
    command->words[count++] = *mount;
  }
  command->words[count] = NULL;
  return true;
}

/*
 * Takes one report; false when the cell has gone without a word. A recv() that waits would be woken by room to write, too
 * (unix(7) streams), that is when the cell takes the request: for nothing, and on the cell's core. poll() sleeps through that.
 */
static bool take_report(int control, struct turno_cell_report *report) {
  size_t have = 0;
  while (have < sizeof *report) {
    struct pollfd polled = {.fd = control, .events = POLLIN};
    if (RETRY(poll(&polled, 1, -1)) < 0) return false;
    ssize_t count = RETRY(recv(control, (char *)report + have, sizeof *report - have, 0));
    if (count <= 0) return false;
    have += (size_t)count;
  }
  return report->magic == TURNO_CELL_MAGIC;
}

static int tell_error(struct turno_result *result, const struct turno_cell_report *report) {
  const char *name = report->errno_ ? strerrorname_np(report->errno_) : NULL;
  return failed(result, "cell: %.119s%s%s (step %u)", (const char *)report->detail, name ? ": " : "", name ? name : "", report->step);
}

static pid_t start_cell(const struct command *command, int control) {
  pid_t pid = fork();
  if (pid) return pid;
  fcntl(control, F_SETFD, 0);
  execvp(command->words[0], (char *const *)command->words);
  _exit(127);
}

struct turno_cell *turno_cell_open(const struct turno_settings *settings, struct turno_result *result) {
  static unsigned serials;
  struct turno_cell *cell = calloc(1, sizeof *cell);
  struct command command;
  int ends[2];
  memset(result, 0, sizeof *result);
  if (!cell || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
    failed(result, "socketpair: %s", strerror(errno));
    free(cell);
    return NULL;
  }
  if (!write_command(&command, settings, ends[1], __atomic_fetch_add(&serials, 1, __ATOMIC_RELAXED))) {
    failed(result, "settings.mounts: more than %d", (MOST_ARGUMENTS - 12) / 2);
    close(ends[0]), close(ends[1]), free(cell);
    return NULL;
  }
  cell->control = ends[0];
  cell->keeper = start_cell(&command, ends[1]);
  close(ends[1]);
  struct turno_cell_report hello;
  bool said = cell->keeper > 0 && take_report(cell->control, &hello);
  if (said && hello.kind == TURNO_REPORT_HELLO && hello.signature == TURNO_CELL_SIGNATURE) {
    cell->backend = hello.backend;
    return cell;
  }
  if (said && hello.kind == TURNO_REPORT_ERROR) tell_error(result, &hello);
  else if (said) failed(result, "%s is of another version than this library: build both anew", command.words[0]);
  else failed(result, "%s could not be started: is it built, and named by $TURNO_CELL?", command.words[0]);
  turno_cell_close(cell);
  return NULL;
}

struct packing {
  char *at;
  size_t used, count;
  bool full;
};

static void pack(struct packing *packing, const char *prefix, const char *text) {
  size_t first = strlen(prefix), second = strlen(text) + 1;
  packing->full = packing->full || packing->used + first + second > MOST_PAYLOAD;
  if (packing->full) return;
  memcpy(packing->at + packing->used, prefix, first);
  memcpy(packing->at + packing->used + first, text, second);
  packing->used += first + second;
  packing->count++;
}

static uint16_t pack_list(struct packing *packing, const char *const *list) {
  size_t before = packing->count;
  for (; *list; list++) pack(packing, "", *list);
  return (uint16_t)(packing->count - before);
}

#define DEFAULT(value, other) ((value) ? (value) : (other))

static struct turno_cell_request describe(const struct turno_run *run, uint32_t number) {
  return (struct turno_cell_request){
      .magic = TURNO_CELL_MAGIC,
      .kind = TURNO_REQUEST_RUN,
      .run = number,
      .flags = run->pipe_output ? TURNO_RUN_PIPE_OUTPUT : 0,
      .in_count = (uint16_t)(run->in_count + (run->program != NULL)),
      .out_count = (uint16_t)run->out_count,
      .processes = DEFAULT(run->processes, 64),
      .open_files = DEFAULT(run->open_files, 256),
      .cpu_ns = DEFAULT(run->cpu_ns, UINT64_C(2000000000)),
      .wall_ns = DEFAULT(run->wall_ns, UINT64_C(6000000000)),
      .memory_bytes = DEFAULT(run->memory_bytes, UINT64_C(256) << 20),
      .output_bytes = DEFAULT(run->output_bytes, UINT64_C(1) << 20),
      .file_bytes = DEFAULT(run->file_bytes, UINT64_C(16) << 20),
      .box_bytes = DEFAULT(run->box_bytes, UINT64_C(64) << 20),
      .stack_bytes = run->stack_bytes,
      .out_bytes = UINT64_C(1) << 30,
  };
}

static void pack_strings(struct packing *packing, const struct turno_run *run, struct turno_cell_request *request) {
  const char *path = run->path ? run->path : "/exe/program";
  const char *const path_alone[] = {path, NULL}, *const plain[] = {"PATH=/usr/local/bin:/usr/bin:/bin", NULL};
  pack(packing, "", path);
  request->argc = pack_list(packing, run->arguments ? run->arguments : path_alone);
  request->envc = pack_list(packing, run->environment ? run->environment : plain);
  if (run->program) pack(packing, "x", "program");
  for (size_t i = 0; i < run->in_count; i++) pack(packing, "b", run->in_files[i].name);
  for (size_t i = 0; i < run->out_count; i++) pack(packing, "", run->out_files[i].name);
  request->payload_bytes = (uint32_t)packing->used;
}

static int send_request(int control, const struct turno_cell_request *request, const char *payload, const int *files, size_t count) {
  union {
    char bytes[CMSG_SPACE(sizeof(int) * (3 + TURNO_MAX_RUN_FILES))];
    struct cmsghdr alignment;
  } space = {0};
  /* Both in one call: two would wake the cell twice. */
  struct iovec parts[] = {{.iov_base = (void *)request, .iov_len = sizeof *request},
                          {.iov_base = (void *)payload, .iov_len = request->payload_bytes}};
  struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = space.bytes, .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
  memcpy(CMSG_DATA(rights), files, sizeof(int) * count);
  ssize_t gone = RETRY(sendmsg(control, &header, MSG_NOSIGNAL));
  if (gone < (ssize_t)sizeof *request) return -1;
  for (size_t sent = (size_t)gone - sizeof *request; sent < request->payload_bytes;) {
    ssize_t more = RETRY(send(control, payload + sent, request->payload_bytes - sent, MSG_NOSIGNAL));
    if (more <= 0) return -1;
    sent += (size_t)more;
  }
  return 0;
}

static void fill_result(struct turno_result *result, const struct turno_cell_report *report, uint32_t backend) {
  bool exited = report->end == TURNO_END_EXITED;
  *result = (struct turno_result){.exit_code = exited ? report->code : -1,
                                  .signal = exited ? 0 : report->code,
                                  .limit = (enum turno_limit)report->limit,
                                  .box_full = (enum turno_box_full)report->box_full,
                                  .cpu_ns = report->cpu_ns,
                                  .wall_ns = report->wall_ns,
                                  .waited_ns = report->waited_ns,
                                  .memory_bytes = report->memory_bytes,
                                  .output_bytes = report->stdout_bytes,
                                  .error_bytes = report->stderr_bytes,
                                  .blocked_call = report->blocked_syscall,
                                  .out_missing = report->out_missing,
                                  .backend = backend};
  snprintf(result->blocked_name, sizeof result->blocked_name, "%.39s", (const char *)report->detail);
}

int turno_cell_run(struct turno_cell *cell, const struct turno_run *run, struct turno_result *result) {
  struct packing packing = {.at = cell->payload};
  int files[3 + TURNO_MAX_RUN_FILES];
  size_t count = 0;
  memset(result, 0, sizeof *result);
  if (!run->program && !run->path) return failed(result, "run.program and run.path: one of them must be given");
  if (run->in_count + run->out_count >= TURNO_MAX_RUN_FILES) return failed(result, "run.in_files, run.out_files: too many");
  CLOSED_AT_END int program = run->program ? open(run->program, O_RDONLY | O_CLOEXEC) : -1;
  if (run->program && program < 0) return failed(result, "%s: %s", run->program, strerror(errno));
  /* Anew for each run: a lock or a flag that a program left on a description would be there for the next. */
  CLOSED_AT_END int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

  files[count++] = run->input >= 0 && fcntl(run->input, F_GETFD) >= 0 ? run->input : nothing;
  files[count++] = run->output > 0 ? run->output : nothing;
  files[count++] = run->errors > 0 ? run->errors : nothing;
  if (program >= 0) files[count++] = program;
  for (size_t i = 0; i < run->in_count; i++) files[count++] = run->in_files[i].descriptor;
  for (size_t i = 0; i < run->out_count; i++) files[count++] = run->out_files[i].descriptor;

  struct turno_cell_request request = describe(run, cell->run = cell->run % 0x3fffffff + 1);
  pack_strings(&packing, run, &request);
  if (packing.full) return failed(result, "run.arguments, run.environment: more than %u bytes", MOST_PAYLOAD);
  struct turno_cell_report report;
  if (send_request(cell->control, &request, cell->payload, files, count) || !take_report(cell->control, &report)) {
    return failed(result, "the cell has ended");
  }
  if (report.kind == TURNO_REPORT_ERROR) return tell_error(result, &report);
  fill_result(result, &report, cell->backend);
  return 0;
}

void turno_cell_close(struct turno_cell *cell) {
  if (!cell) return;
  close(cell->control);
  if (cell->keeper > 0) RETRY(waitpid(cell->keeper, NULL, 0));
  free(cell);
}

int turno_run(const struct turno_run *run, struct turno_result *result) {
  struct turno_cell *cell = turno_cell_open(NULL, result);
  if (!cell) return -1;
  int outcome = turno_cell_run(cell, run, result);
  turno_cell_close(cell);
  return outcome;
}
