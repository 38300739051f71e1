/*
 * How many programs of a server can run at the same moment? Asked of the kernel, not of turno, once a millisecond.
 *
 *     sample-lanes LANES GROUP    samples until its stdin ends, then prints one line of JSON
 *
 * GROUP is the control group of the server; each cell has a group below it, in which only its programs are, all of them. A
 * cell counts as running when a thread in its group is in state R (on a core or waiting for one) and can still execute an
 * instruction of its own: neither exiting, nor with SIGKILL or SIGSTOP on its way to it or to another thread of its process
 * that has stopped already. (Such a thread needs a core once more to stop or to die, and may have to wait for one.)
 *
 * The files of /proc are read one after the other, so a lane that changes hands in between looks like two. Hence whenever
 * more cells than LANES were seen running, the very same threads are looked at again in the same order: all that run now as
 * they did before ran at the moment between the two rounds. Only that is counted in `over`. What lasts for less than such
 * a round (about 0.1 ms), or falls between two samples, is not seen.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_CELLS 1024
#define EXITING 0x4 /* PF_EXITING, in the flags of /proc/TID/stat */
#define PERIOD_NS 1000000
#define CELLS_AGAIN 20 /* samples after which cells are looked for again */

static char cells[MOST_CELLS][300];
static int cell_count;

static bool read_file(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, text, size - 1);
  close(file);
  if (length < 0) return false;
  text[length] = '\0';
  return true;
}

static void find_cells(const char *group) {
  DIR *directory = opendir(group);
  cell_count = 0;
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    if (strncmp(entry->d_name, "cell-", 5) || cell_count == MOST_CELLS) continue;
    snprintf(cells[cell_count++], sizeof *cells, "%.200s/%.60s/tasks", group, entry->d_name);
  }
  if (directory) closedir(directory);
}

/* State of a thread; 0 when it is gone or exiting. */
static char state_of(int thread) {
  char path[64], text[1024], state = 0;
  unsigned flags = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", thread);
  const char *fields = read_file(path, text, sizeof text) ? strrchr(text, ')') : NULL;
  if (!fields || sscanf(fields, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2 || flags & EXITING) return 0;
  return state;
}

static bool has_stopped_thread(int process) {
  char path[64];
  bool found = false;
  snprintf(path, sizeof path, "/proc/%d/task", process);
  DIR *directory = opendir(path);
  for (struct dirent *entry; directory && !found && (entry = readdir(directory));) {
    if (entry->d_name[0] != '.') found = state_of(atoi(entry->d_name)) == 'T';
  }
  if (directory) closedir(directory);
  return found;
}

static bool can_run(int thread) {
  if (state_of(thread) != 'R') return false;
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  if (!read_file(path, text, sizeof text)) return false;
  const char *process = strstr(text, "\nTgid:"), *own = strstr(text, "\nSigPnd:"), *shared = strstr(text, "\nShdPnd:");
  const char *state = strstr(text, "\nState:\tR");
  if (!process || !own || !shared || !state) return false;
  uint64_t pending = strtoull(own + 8, NULL, 16) | strtoull(shared + 8, NULL, 16);
  if (pending & (UINT64_C(1) << (SIGSTOP - 1) | UINT64_C(1) << (SIGKILL - 1))) return false;
  return !has_stopped_thread(atoi(process + 6));
}

/* A thread of the cell that can run; 0 = none. */
static int running_in(const char *tasks) {
  char text[8192];
  if (!read_file(tasks, text, sizeof text)) return 0;
  for (char *at = text; *at;) {
    int thread = (int)strtol(at, &at, 10);
    if (thread > 0 && can_run(thread)) return thread;
    at += strspn(at, "\n");
    if (thread <= 0) break;
  }
  return 0;
}

static int count_running(int threads[MOST_CELLS]) {
  int count = 0;
  for (int i = 0; i < cell_count; i++) {
    int thread = running_in(cells[i]);
    if (thread) threads[count++] = thread;
  }
  return count;
}

static int count_still_running(const int threads[MOST_CELLS], int count) {
  int still = 0;
  for (int i = 0; i < count; i++) still += can_run(threads[i]);
  return still;
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  const int lanes = atoi(arguments[1]);
  long samples = 0, over = 0, busy = 0;
  int most = 0, threads[MOST_CELLS];
  struct timespec next, begun;
  clock_gettime(CLOCK_MONOTONIC, &next);
  begun = next;
  struct pollfd input = {.fd = 0, .events = POLLIN};
  while (poll(&input, 1, 0) == 0) {
    if (samples % CELLS_AGAIN == 0) find_cells(arguments[2]);
    int running = count_running(threads);
    if (running > lanes) running = count_still_running(threads, running);
    if (running > most) most = running;
    samples++;
    over += running > lanes;
    busy += running == lanes;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    do { /* a sample that was late is not made up for */
      next.tv_nsec += PERIOD_NS;
      if (next.tv_nsec >= 1000000000) next.tv_nsec -= 1000000000, next.tv_sec++;
    } while (next.tv_sec < now.tv_sec || (next.tv_sec == now.tv_sec && next.tv_nsec < now.tv_nsec));
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  double elapsed_ms = (double)(next.tv_sec - begun.tv_sec) * 1e3 + (double)(next.tv_nsec - begun.tv_nsec) / 1e6;
  printf("{\"samples\":%ld,\"periodMs\":%.3f,\"cells\":%d,\"busy\":%ld,\"most\":%d,\"over\":%ld}\n", samples,
         elapsed_ms / (double)(samples ? samples : 1), cell_count, busy, most, over);
  return 0;
}
