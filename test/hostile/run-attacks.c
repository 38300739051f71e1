/*
 * Runs every attack of this directory in one cell after the other's traces, and prints TAP.
 *
 *     run-attacks FILE...      $TURNO_CELL, $TURNO_BACKEND; $TURNO_WEAK_CELL: a build with -DTURNO_WEAK;
 *                              $TURNO_TEMPLATE: template-program.so, for warm runs: each attack twice from one template;
 *                              $TURNO_UNSEEN_TEMPLATE: the same, for what must get through where nobody looks at executables
 *
 * An attack passes when it ended as its comment says, the canaries of the host are as they were, and the same cell, or the
 * one that replaced it, is empty and runs hello afterwards. Attacks that name a protection are run again in a cell without
 * it and must get through there: otherwise the attack proves nothing. Those that name none say why not.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attack-file.h"
#include "host.h"
#include "tap.h"

#define STOP_MS 250 /* how long an attack is stopped that shall stand still; running on it would use as much on each core */
#define USED_BY_STOPPING_MS 150 /* more than it may use until it stands, at both ends, on a machine that is busy with other work */

static const char *backend;
static struct host host;
static bool has_cell;
static pid_t canary;
static int template_half = -1; /* -1: runs are fresh */
static uint64_t template_number;

static void canary_start(void) {
  canary = fork();
  if (canary == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a run that is broken off leaves nobody */
    struct sockaddr_un address = {AF_UNIX, "\0turno-canary"};
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(file, (void *)&address, sizeof(sa_family_t) + 13);
    listen(file, 1);
    for (;;) pause();
  }
}

static bool canary_lives(void) { return waitpid(canary, NULL, WNOHANG) == 0; }

/* Compiled once for all who run it: beside the source, or, where that cannot be written, for this time only. */
static int compile_outside(const struct attack *attack) {
  const bool fresh = template_half < 0;
  char kept[600], out[620], command[2048], directory[512];
  snprintf(kept, sizeof kept, "%.500s.%s", attack->path, fresh ? "static" : "dynamic");
  int file = open(kept, O_RDONLY | O_CLOEXEC);
  if (file >= 0) return file;
  snprintf(out, sizeof out, "%s-XXXXXX", kept);
  int made = mkstemp(out);
  const bool is_kept = made >= 0;
  if (!is_kept) made = mkstemp(strcpy(out, "/tmp/turno-attack-XXXXXX"));
  snprintf(directory, sizeof directory, "%s", attack->path);
  snprintf(command, sizeof command, "gcc -O1 %s -w -D_GNU_SOURCE -pthread -I %s %s -o %s", fresh ? "-static" : "-Wl,-z,now",
           dirname(directory), attack->path, out);
  if (system(command)) {
    printf("Bail out! %s does not compile\n", attack->name);
    exit(99);
  }
  close(made);
  if (is_kept) chmod(out, 0755);
  file = open(out, O_RDONLY | O_CLOEXEC);
  if (is_kept) rename(out, kept);
  else unlink(out);
  return file;
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool slot_becomes(uint32_t state) {
  for (int i = 0; i < 60000; i++) { /* only what never comes takes so long */
    const uint32_t now = __atomic_load_n(&host.slot->state, __ATOMIC_SEQ_CST);
    if ((now & 7) == state) return true;
    if (now >> 3 == host.run && ((now & 7) == TURNO_SLOT_ENDED || (now & 7) == TURNO_SLOT_IDLE)) return false; /* is over */
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return false;
}

/*
 * Lets it run for a moment, stops it for much longer, and compares what it used at the two ends of the stop: the CPU time in
 * between, in ms. Most of the second stopping is in that, too. Of one that does not stop, how long it went on although it was told to.
 */
static uint64_t used_when_stopped_ms(long stop_ms) {
  slot_becomes(TURNO_SLOT_RUNNING);
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  const uint64_t told_ms = now_ms();
  host_want(&host, TURNO_WANTED_WAIT);
  if (!slot_becomes(TURNO_SLOT_STOPPED)) return now_ms() - told_ms;
  uint64_t before_ns = host.slot->cpu_ns;
  nanosleep(&(struct timespec){.tv_sec = stop_ms / 1000, .tv_nsec = stop_ms % 1000 * 1000000}, NULL);
  host_want(&host, TURNO_WANTED_RUN);
  slot_becomes(TURNO_SLOT_RUNNING);
  host_want(&host, TURNO_WANTED_WAIT);
  slot_becomes(TURNO_SLOT_STOPPED);
  uint64_t used_ms = (host.slot->cpu_ns - before_ns) / 1000000;
  host_want(&host, TURNO_WANTED_RUN);
  return used_ms;
}

struct trial {
  struct turno_cell_report report;
  uint64_t used_ms; /* while it was stopped */
  char out[512];
};

/* Whether a template is asked for, and whether one must stand. */
static bool wants_template(const struct attack *attack) {
  return template_half >= 0 && !is_inside(attack) && strcmp(attack->template, "looked at");
}

static bool is_warm(const struct attack *attack) { return wants_template(attack) && strcmp(attack->template, "given up"); }

static int open_program(const struct attack *attack) {
  template_number++;
  return is_inside(attack) ? open(attack->path, O_RDONLY | O_CLOEXEC) : compile_outside(attack);
}

#define MOST_FILES 32

/* The source, or the executable and what makes it a template; and what is planted beside a source. */
static size_t list_files(const struct attack *attack, int program, struct file files[MOST_FILES]) {
  static char names[MOST_FILES][40];
  size_t count = 0;
  files[count++] = (struct file){is_inside(attack) ? "bmain.c" : "xprogram", program};
  if (wants_template(attack)) files[count++] = (struct file){"xtemplate.so", template_half};
  for (const char *at = attack->plant; *at && count < MOST_FILES; at += strspn(at, " ")) {
    const size_t length = strcspn(at, " ");
    snprintf(names[count], sizeof names[count], "b%.*s", (int)length, at);
    files[count] = (struct file){names[count], program};
    count++;
    at += length;
  }
  return count;
}

static struct wish wish_for(const struct attack *attack, const struct file *files, size_t count) {
  static const char *const compiler[] = {"gcc", "-O2", "-static", "main.c", "-o", "program", NULL};
  static const char *const strange[] = {"PATH=/usr/bin:/bin", "COMPILER_PATH=.", NULL};
  return (struct wish){.path = is_inside(attack) ? "/usr/bin/gcc" : "/exe/program",
                       .arguments = is_inside(attack) ? compiler : NULL,
                       .environment = getenv("TURNO_WEAK") && leaves_out(attack, "environment") ? strange : NULL,
                       .in_files = files,
                       .in_count = count,
                       .flags = wants_template(attack) ? TURNO_RUN_WARM : 0,
                       .template = wants_template(attack) ? template_number : 0,
                       .template_cpu_ms = attack->template[0] ? 5 : 0,
                       .cpu_ms = limit(attack, "cpu"),
                       .wall_ms = limit(attack, "wall"),
                       .memory_bytes = limit(attack, "memory") << 20,
                       .processes = (uint32_t)limit(attack, "processes"),
                       .output_bytes = limit(attack, "output") << 10,
                       .file_bytes = limit(attack, "file") << 10,
                       .box_bytes = limit(attack, "box") << 20};
}

/* Who has no limits is ended by us. */
static void take_result(struct trial *trial, long patience_ms) {
  struct pollfd polled = {.fd = host.control, .events = POLLIN};
  if (patience_ms && poll(&polled, 1, (int)patience_ms) == 0) host_want(&host, TURNO_WANTED_KILL);
  if (!host_result(&host, &trial->report)) trial->report.kind = 0;
  if (trial->report.kind == TURNO_REPORT_ERROR) printf("# the cell gave up: step %u, %s\n", trial->report.step, (char *)trial->report.detail);
}

static struct trial try(const struct attack *attack, int program, long stop_ms, long patience_ms) {
  struct trial trial = {0};
  struct file files[MOST_FILES];
  const struct wish wish = wish_for(attack, files, list_files(attack, program, files));
  int streams[3] = {memory_file("input"), memory_file(""), memory_file("")};
  fchmod(streams[0], 0444);
  host_send(&host, &wish, streams);
  if (attack->turns[0]) trial.used_ms = used_when_stopped_ms(stop_ms);
  take_result(&trial, patience_ms);
  if (pread(streams[1], trial.out, sizeof trial.out - 1, 0) < 0) trial.out[0] = '\0';
  for (int i = 0; i < 3; i++) close(streams[i]);
  return trial;
}

/* A second cell, where the same program is somebody else's. */
struct beside {
  struct host host;
  int streams[3];
};

static void begin_beside(struct beside *beside, const struct attack *attack, int program) {
  const char *arguments[] = {"/exe/program", attack->beside, NULL};
  const struct file file = {"xprogram", program};
  char out[8] = "";
  host_start(&beside->host, backend, NULL);
  for (int i = 0; i < 3; i++) beside->streams[i] = memory_file("");
  host_send(&beside->host, &(struct wish){.path = "/exe/program", .arguments = arguments, .in_files = &file, .in_count = 1, .wall_ms = 60000}, beside->streams);
  for (int i = 0; i < 60000 && !strstr(out, "ready"); i++) {
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    if (pread(beside->streams[1], out, sizeof out - 1, 0) < 0) break;
  }
  if (!strstr(out, "ready")) printf("# %s is not ready beside\n", attack->name);
}

static void end_beside(struct beside *beside) {
  host_end(&beside->host);
  for (int i = 0; i < 3; i++) close(beside->streams[i]);
}

static void need_cell(const char *cell, const char *weak) {
  if (has_cell) return;
  setenv("TURNO_CELL", cell, 1);
  if (weak) setenv("TURNO_WEAK", weak, 1);
  host_start(&host, backend, NULL);
  has_cell = true;
}

static void end_cell(void) {
  if (has_cell) host_end(&host);
  has_cell = false;
  unsetenv("TURNO_WEAK");
}

/* Hello comes through, all cores and limits are there, and nothing lies in the directories. */
static bool is_as_new(void) {
  static char first[256];
  const char *script = "ls -A /box /tmp /dev/shm; stat -c %a /box /tmp /dev/shm; ulimit -n; ulimit -f; nproc; ls -A /exe; set -- /proc/[0-9]*; echo $#; echo hello";
  const char *arguments[] = {"sh", "-c", script, NULL};
  struct outcome *outcome = host_run(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments});
  if (!first[0]) snprintf(first, sizeof first, "%.255s", outcome->out);
  bool same = outcome->report.end == TURNO_END_EXITED && !strcmp(first, outcome->out) && strstr(first, "hello");
  if (!same) printf("# afterwards: %s%s\n", outcome->out, outcome->err);
  return same;
}

static bool applies(const struct attack *attack) {
  uint32_t groups = TURNO_BACKEND_CGROUP_V1 | TURNO_BACKEND_CGROUP_V2;
  if (!strcmp(attack->only, "groups")) return host.hello.backend & groups;
  if (!strcmp(attack->only, "two-ids")) return host.hello.backend & TURNO_BACKEND_SEPARATE_UID;
  return true;
}

static int times_of(const struct attack *attack) { return attack->times[0] ? atoi(attack->times) : is_warm(attack) ? 2 : 1; }

/* The second run, where there is one, comes from the template that the first has attacked. */
static bool is_held_off(const struct attack *attack, const char *cell) {
  struct beside beside;
  int program = open_program(attack);
  bool held = true;
  if (attack->beside[0]) begin_beside(&beside, attack, program);
  for (int times = times_of(attack); times && held; times--) {
    need_cell(cell, NULL);
    struct trial trial = try(attack, program, STOP_MS, 0);
    if (trial.report.kind != TURNO_REPORT_RESULT) end_cell();
    held = ends_as(attack, &trial.report) && trial.used_ms < USED_BY_STOPPING_MS && trial.report.warm == is_warm(attack);
    if (!held) printf("# warm %u, %llu ms used while it was stopped, it says: %.200s\n", trial.report.warm, (unsigned long long)trial.used_ms, trial.out);
  }
  if (attack->beside[0]) end_beside(&beside);
  close(program);
  return held;
}

static void contained(const struct attack *attack, const char *cell) {
  need_cell(cell, NULL);
  if (!applies(attack)) {
    skip("this backend does not protect from it", "%s", attack->name);
    return;
  }
  ok(is_held_off(attack, cell), "%s ends as %s", attack->name, attack->expect);
  need_cell(cell, NULL);
  if (!is_as_new()) {
    end_cell();
    ok(false, "%s leaves nothing behind", attack->name);
  }
}

/*
 * An attack that works need not work each time, least of all on a machine that is busy with other work, whose cores it gets
 * last: so it is given more time with each try.
 */
#define WEAK_TRIES 7
/* That it got through: what it says itself, what the figures say, or what the next program finds; or NULL. */
static const char *evidence(const struct attack *attack, const struct trial *trial) {
  static char text[256];
  const char *said = strstr(trial->out, "breach:");
  if (said) return snprintf(text, sizeof text, "%.*s", (int)strcspn(said, "\n"), said), text;
  if (trial->used_ms >= USED_BY_STOPPING_MS) return "it ran on while it was stopped";
  if (trial->report.kind != TURNO_REPORT_RESULT) return NULL;
  if (is_inside(attack)) return any_expected(attack, &trial->report, is_found) ? NULL : "it ends otherwise";
  if (leaves_out(attack, "limits")) return any_expected(attack, &trial->report, is_exceeded) ? "it has used more than the limit" : NULL;
  if (leaves_out(attack, "wipe") || leaves_out(attack, "reap")) return is_as_new() ? NULL : "something is left";
  return NULL;
}

static struct trial try_weak(const struct attack *attack, const char *weak_cell, int program, int number) {
  struct trial trial = {0};
  struct beside beside;
  end_cell();
  need_cell(weak_cell, attack->weak);
  if (attack->beside[0]) begin_beside(&beside, attack, program);
  for (int times = times_of(attack); times; times--) trial = try(attack, program, STOP_MS << number, patience_ms(attack) << number);
  if (attack->beside[0]) end_beside(&beside);
  return trial;
}

static void gets_through(const struct attack *attack, const char *weak_cell) {
  const char *found = NULL;
  struct trial trial;
  int program = open_program(attack);
  for (int i = 0; i < WEAK_TRIES && !found; i++) {
    trial = try_weak(attack, weak_cell, program, i);
    found = evidence(attack, &trial);
  }
  ok(found, "%s gets through without %s: %s", attack->name, attack->weak, found ? found : "no");
  if (!found) printf("# kind %u end %u code %d limit %u: %s\n", trial.report.kind, trial.report.end, trial.report.code, trial.report.limit, trial.out);
  close(program);
  end_cell();
}

#define NONE "none, because "

/* The second half: everything again, without what holds it off. */
static void weaken(const char *weak_cell, int count, char **files) {
  const char *unseen = getenv("TURNO_UNSEEN_TEMPLATE");
  int shown = 0, explained = 0;
  for (int i = 0; i < count; i++) {
    struct attack attack = read_attack(files[i]);
    const bool looks_away = leaves_out(&attack, "look");
    if (!strncmp(attack.weak, NONE, strlen(NONE))) {
      explained += attack.weak[strlen(NONE)] != '\0';
    } else if (attack.weak[0]) {
      shown++;
      if (looks_away) attack.template[0] = '\0';
      if (looks_away && unseen) template_half = open(unseen, O_RDONLY | O_CLOEXEC);
      if ((looks_away && !unseen) || (attack.needs[0] && !kernel_has(attack.needs))) skip("this kernel, or this set-up, has nothing to attack", "%s", attack.name);
      else gets_through(&attack, weak_cell);
      if (template_half >= 0) close(template_half);
      template_half = -1;
    } else {
      printf("# %s names no protection, nor why none can be left out\n", attack.name);
    }
  }
  ok(shown + explained == count, "%d attacks must get through without a protection, %d say why that is not tried", shown, explained);
}

int main(int argc, char **argv) {
  const char *cell = strdup(host_cell()), *weak_cell = getenv("TURNO_WEAK_CELL");
  if (weak_cell && !*weak_cell) weak_cell = NULL;
  backend = getenv("TURNO_BACKEND") ? getenv("TURNO_BACKEND") : "auto";
  if (getenv("TURNO_TEMPLATE")) template_half = open(getenv("TURNO_TEMPLATE"), O_RDONLY | O_CLOEXEC);
  signal(SIGPIPE, SIG_IGN);
  canary_start();
  need_cell(cell, NULL);
  ok(is_as_new(), "the cell runs hello before the first attack");
  for (int i = 1; i < argc; i++) {
    struct attack attack = read_attack(argv[i]);
    contained(&attack, cell);
  }
  if (weak_cell) weaken(weak_cell, argc - 1, argv + 1);
  end_cell();
  ok(canary_lives(), "a process of the host has come to no harm");
  kill(canary, SIGKILL);
  return tap_end();
}
