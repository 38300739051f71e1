/*
 * Requests from the host.
 *
 * The host is trusted to be turno, not to be without mistakes: every count, name and length is checked before it is used,
 * and a request that does not add up ends the cell with an error. Layout: src/pool/cell-layout.ts.
 */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "report.h"
#include "retry.h"

#define MAX_DESCRIPTORS (3 + TURNO_MAX_RUN_FILES)

static struct request request;
static char payload[MAX_PAYLOAD_BYTES];
static char *strings[MAX_STRINGS + 2];
static int descriptors[MAX_DESCRIPTORS];
static int descriptor_count;

static void bad(uint32_t index, const char *problem) { die(STEP_REQUEST, index, EPROTO, "%s", problem); }

/* Between runs signals carry no news: the doorbell may have rung for a run that had just ended. */
static void drain_signals(const struct cell *cell) {
  struct signalfd_siginfo signals[8];
  while (read(cell->signals, signals, sizeof signals) > 0) continue;
}

static void wait_for_host(const struct cell *cell) {
  struct pollfd polled[] = {{.fd = cell->control, .events = POLLIN},
                            {.fd = cell->channel, .events = POLLIN},
                            {.fd = cell->signals, .events = POLLIN}};
  while (!polled[0].revents) {
    if (RETRY(poll(polled, 3, -1)) < 0) die(STEP_CONTROL, 0, errno, "poll");
    if (polled[1].revents) die(STEP_KEEPER, 0, 0, "the keeper has gone");
    if (polled[2].revents) drain_signals(cell);
  }
}

static void take_descriptors(struct msghdr *header) {
  if (header->msg_flags & MSG_CTRUNC) bad(0, "descriptors got lost on the way");
  const struct cmsghdr *rights = CMSG_FIRSTHDR(header);
  if (!rights || rights->cmsg_type != SCM_RIGHTS) return;
  if (descriptor_count) bad(0, "descriptors came twice");
  size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  /* The room for a message is rounded up, so the kernel may deliver one more than were asked for. */
  if (count > MAX_DESCRIPTORS) bad(0, "descriptors: too many");
  descriptor_count = (int)count;
  memcpy(descriptors, CMSG_DATA(rights), count * sizeof(int));
}

/*
 * Takes the fixed part with the descriptors, and in the same call as much of the payload as has come: mostly all of it. No
 * other request can follow before this one is answered. Returns the bytes of the payload, or -1 at the end of the socket.
 */
static ssize_t receive_fixed(const struct cell *cell) {
  union {
    char bytes[CMSG_SPACE(sizeof descriptors)];
    struct cmsghdr alignment;
  } space;
  char *at = (char *)&request.fixed;
  size_t missing = sizeof request.fixed;
  descriptor_count = 0;
  for (;;) {
    struct iovec parts[] = {{.iov_base = at, .iov_len = missing}, {.iov_base = payload, .iov_len = sizeof payload}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
    ssize_t count = RETRY(recvmsg(cell->control, &header, MSG_CMSG_CLOEXEC));
    if (count < 0) die(STEP_CONTROL, 0, errno, "recvmsg");
    if (count == 0) return -1;
    take_descriptors(&header);
    if ((size_t)count >= missing) return count - (ssize_t)missing;
    at += count;
    missing -= (size_t)count;
  }
}

static void check_fixed(const struct turno_cell_request *fixed) {
  if (fixed->magic != TURNO_CELL_MAGIC) bad(0, "magic: this is no request");
  if (fixed->kind != TURNO_REQUEST_RUN) bad(1, "kind: unknown");
  if (fixed->run == 0 || fixed->run >= 1u << 30) bad(2, "run: out of range");
  if (fixed->flags & ~(TURNO_RUN_PIPE_OUTPUT | TURNO_RUN_TOOL | TURNO_RUN_WARM | TURNO_RUN_RESERVES)) bad(3, "flags: unknown bit");
  if (fixed->payload_bytes == 0 || fixed->payload_bytes > MAX_PAYLOAD_BYTES) bad(4, "payload_bytes: out of range");
  if (fixed->argc == 0) bad(5, "argc: argv[0] is missing");
  if (1u + fixed->argc + fixed->envc + fixed->in_count + fixed->out_count > MAX_STRINGS - 2) bad(6, "too many strings");
  if (fixed->in_count + fixed->out_count > (int)TURNO_MAX_RUN_FILES) bad(7, "in_count, out_count: too many files");
  if (descriptor_count != 3 + fixed->in_count + fixed->out_count) bad(8, "descriptors: not as many as announced");
  if (!fixed->processes || !fixed->open_files || !fixed->cpu_ns || !fixed->wall_ns || !fixed->memory_bytes) bad(9, "a limit is 0");
  if ((fixed->flags & TURNO_RUN_WARM) && (!fixed->template_number || !fixed->template_cpu_ns)) bad(10, "template: is 0");
}

static void receive_payload(const struct cell *cell, size_t have, size_t bytes) {
  if (have > bytes) bad(4, "payload: longer than announced");
  while (have < bytes) {
    ssize_t count = RETRY(recv(cell->control, payload + have, bytes - have, 0));
    if (count <= 0) die(STEP_CONTROL, 1, count ? errno : EPIPE, "the payload ends early");
    have += (size_t)count;
  }
  if (payload[bytes - 1]) bad(4, "payload: does not end in NUL");
}

/* A name of a file inside: relative, without empty parts, `.` or `..`. */
static bool plain_name(const char *name) {
  for (const char *part = name;;) {
    size_t length = strcspn(part, "/");
    if (length == 0 || length > 255 || (length <= 2 && !strncmp(part, "..", length))) return false;
    if (!part[length]) return strlen(name) < 1024;
    part += length + 1;
  }
}

/* Cuts the payload into strings; arguments and environment each end in NULL, so two more places are used. */
static void cut_payload(struct request *cut) {
  const struct turno_cell_request *fixed = &cut->fixed;
  const char *end = payload + fixed->payload_bytes;
  char *at = payload;
  size_t place = 0;
  cut->path = at;
  const size_t counts[] = {fixed->argc, fixed->envc, fixed->in_count, fixed->out_count};
  char ***const lists[] = {&cut->arguments, &cut->environment, &cut->in_names, &cut->out_names};
  at += strlen(at) + 1;
  for (int list = 0; list < 4; list++) {
    *lists[list] = strings + place;
    for (size_t i = 0; i < counts[list]; i++) {
      if (at >= end) bad(4, "payload: fewer strings than announced");
      strings[place++] = at;
      at += strlen(at) + 1;
    }
    if (list < 2) strings[place++] = NULL;
  }
  if (at != end) bad(4, "payload: more strings than announced");
  for (size_t i = 0; i < fixed->in_count; i++) {
    const char *name = cut->in_names[i];
    bool placed = name[0] == 'b' || (name[0] == 'x' && !strchr(name, '/'));
    if (!placed || !plain_name(name + 1)) bad((uint32_t)i, "in-file: not a name");
  }
  for (size_t i = 0; i < fixed->out_count; i++) {
    if (!plain_name(cut->out_names[i])) bad((uint32_t)i, "out-file: not a name");
  }
}

struct request *request_receive(const struct cell *cell) {
  wait_for_host(cell);
  ssize_t have = receive_fixed(cell);
  if (have < 0) return NULL;
  check_fixed(&request.fixed);
  receive_payload(cell, (size_t)have, request.fixed.payload_bytes);
  cut_payload(&request);
  memcpy(request.streams, descriptors, sizeof request.streams);
  request.in_files = descriptors + 3;
  request.out_files = request.in_files + request.fixed.in_count;
  return &request;
}

void request_close(struct request *closed) {
  (void)closed;
  const int last = descriptor_count - 1;
  bool in_a_row = last >= 0;
  for (int i = 1; i <= last; i++) in_a_row = in_a_row && descriptors[i] == descriptors[i - 1] + 1;
  /* Mostly nothing lies between them; then one call does. */
  if (in_a_row) close_range((unsigned)descriptors[0], (unsigned)descriptors[last], 0);
  else for (int i = 0; i <= last; i++) close(descriptors[i]);
  descriptor_count = 0;
}

bool control_ended(const struct cell *cell) {
  char byte;
  return recv(cell->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}
