/*
 * The control protocol of a cell under bytes that nobody thought of: whatever comes over the socket, the cell takes a request
 * that adds up, or ends with an error; it never reads or writes beside what it was given.
 *
 *     clang -fsanitize=fuzzer,address,undefined ...   a fuzzer: control-fuzz CORPUS
 *     gcc -DREPLAY -fsanitize=address,undefined ...   runs the files named, once each: control-fuzz FILE...
 *
 * An input: its first byte says how many descriptors go with the rest; the second after how many bytes (times 16) the
 * stream is cut in two, since nothing promises that a request arrives in one piece.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cell/control.h"
#include "cell/report.h"

#define MOST_DESCRIPTORS 250

static jmp_buf refused;

/* In a cell the process ends here. */
_Noreturn void die(enum step step, uint32_t index, int error, const char *format, ...) {
  (void)step, (void)index, (void)error, (void)format;
  longjmp(refused, 1);
}

static void send_with(int socket, const uint8_t *bytes, size_t size, int descriptor, int count) {
  union {
    char bytes[CMSG_SPACE(sizeof(int) * MOST_DESCRIPTORS)];
    struct cmsghdr alignment;
  } space = {0};
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  int descriptors[MOST_DESCRIPTORS];
  for (int i = 0; i < count; i++) descriptors[i] = descriptor;
  if (count) {
    header.msg_control = space.bytes;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count)};
    memcpy(CMSG_DATA(rights), descriptors, sizeof(int) * (size_t)count);
  }
  if (size && sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return; /* refused by the kernel: less arrives */
}

static void check(int condition) {
  if (!condition) abort();
}

/* Every string is read to its end, as an exec would. */
static size_t length_of(char **list, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += strlen(list[i]);
  return bytes;
}

static void use(const struct request *request) {
  const struct turno_cell_request *fixed = &request->fixed;
  check(request->arguments[fixed->argc] == NULL && request->environment[fixed->envc] == NULL);
  size_t bytes = strlen(request->path) + length_of(request->arguments, fixed->argc) + length_of(request->environment, fixed->envc) +
                 length_of(request->in_names, fixed->in_count) + length_of(request->out_names, fixed->out_count);
  check(bytes < fixed->payload_bytes);
  for (size_t i = 0; i < 3; i++) check(fcntl(request->streams[i], F_GETFD) == FD_CLOEXEC);
  for (size_t i = 0; i < fixed->out_count; i++) check(request->out_names[i][0] != '/' && strcmp(request->out_names[i], ".."));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static int channel[2], nothing, is_ready;
  int ends[2];
  if (!is_ready) {
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0);
    nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    is_ready = 1;
  }
  if (size < 2) return 0;
  check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  const int count = data[0] <= MOST_DESCRIPTORS ? data[0] : MOST_DESCRIPTORS;
  const size_t length = size - 2, cut = data[1] * 16u < length ? data[1] * 16u : length;
  send_with(ends[0], data + 2, cut, nothing, count);
  send_with(ends[0], data + 2 + cut, length - cut, nothing, cut ? 0 : count);
  close(ends[0]);
  struct cell cell = {.control = ends[1], .channel = channel[0], .signals = -1};
  if (!setjmp(refused)) {
    const struct request *request = request_receive(&cell);
    if (request) use(request);
  }
  request_close(NULL);
  /* A cell that refuses ends, and with it every descriptor that came; here the next input follows. */
  close_range((unsigned)nothing + 1, ~0u, 0);
  return 0;
}

#ifdef REPLAY
int main(int argc, char **argv) {
  static uint8_t bytes[1 << 16];
  for (int i = 1; i < argc; i++) {
    int file = open(argv[i], O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, bytes, sizeof bytes);
    if (size < 0) return perror(argv[i]), 1;
    close(file);
    /* Copied to its own size, so that reading beyond it is seen. */
    uint8_t *copy = malloc((size_t)size + 1);
    memcpy(copy, bytes, (size_t)size);
    LLVMFuzzerTestOneInput(copy, (size_t)size);
    free(copy);
  }
  printf("%d inputs\n", argc - 1);
  return 0;
}
#endif
