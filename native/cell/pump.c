/*
 * Output through pipes.
 *
 * Normally the program writes straight into a memfd of the host and nobody moves its bytes. A pipe is used where that would
 * change what the program means: languages that open /dev/stdout anew (a second description of a memfd starts at offset 0
 * and overwrites), and runs whose files must stay smaller than their output, because RLIMIT_FSIZE knows one number only.
 *
 * PID 1 keeps the clocks of the run, so it never waits for a host that does not read: what finds no room stays in the program's pipe,
 * where the program waits for it. Where the host's is a pipe or a terminal, as much is written at once as fits when poll() says that
 * there is room; it may be one that blocks, and is not ours to change.
 */
#include "pump.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"
#include "retry.h"

int pump_open(struct pump *pump, int to, uint64_t most) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) die(STEP_STREAM, 4, errno, "pipe");
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK)) die(STEP_STREAM, 5, errno, "fcntl");
  struct stat status;
  const bool is_file = fstat(to, &status) == 0 && S_ISREG(status.st_mode);
  *pump = (struct pump){.from = ends[0], .to = to, .most = most, .is_file = is_file};
  return ends[1];
}

static void hand_on(struct pump *pump, const char *bytes, size_t count) {
  uint64_t room = pump->most - pump->bytes;
  if (count > room) {
    pump->over = true;
    count = (size_t)room;
  }
  for (size_t done = 0; done < count;) {
    ssize_t written = RETRY(write(pump->to, bytes + done, count - done));
    if (written < 0 && errno == EAGAIN) { /* a pipe of the host that does not block: it is full */
      poll(&(struct pollfd){.fd = pump->to, .events = POLLOUT}, 1, -1);
      continue;
    }
    if (written < 0 && errno == EPIPE) return pump_close(pump); /* nobody reads any more: the program gets the SIGPIPE */
    if (written < 0) die(STEP_STREAM, 6, errno, "handing output on");
    done += (size_t)written;
  }
  pump->bytes += count;
}

static bool has_bytes(int pipe) {
  int count = 0;
  return ioctl(pipe, FIONREAD, &count) == 0 && count > 0;
}

/* One that nobody reads any more has room: the write will tell. */
static bool has_room(int to) { return poll(&(struct pollfd){.fd = to, .events = POLLOUT}, 1, 0) == 1; }

struct pollfd pump_awaits(const struct pump *pump) {
  if (pump->from >= 0 && pump->waits) return (struct pollfd){.fd = pump->to, .events = POLLOUT};
  return (struct pollfd){.fd = pump->from, .events = POLLIN};
}

void pump_move(struct pump *pump) {
  static char buffer[64 << 10];
  /* A bounded number of reads: a program that writes without pause must not keep PID 1 from the doorbell. */
  for (int reads = 0; reads < 16 && pump->from >= 0 && !pump->over; reads++) {
    pump->waits = !pump->is_file && has_bytes(pump->from) && !has_room(pump->to);
    if (pump->waits) return;
    ssize_t count = RETRY(read(pump->from, buffer, pump->is_file ? sizeof buffer : PIPE_BUF));
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) die(STEP_STREAM, 7, errno, "reading output");
    if (count == 0) return pump_close(pump);
    hand_on(pump, buffer, (size_t)count);
  }
}

void pump_drain(struct pump *pump) {
  while (pump->from >= 0 && !pump->over) {
    pump_move(pump);
    if (pump->waits) poll(&(struct pollfd){.fd = pump->to, .events = POLLOUT}, 1, -1);
  }
}

void pump_close(struct pump *pump) {
  if (pump->from >= 0) close(pump->from);
  pump->from = -1;
}
