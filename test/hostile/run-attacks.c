/*
 * Runs every attack of this directory in one cell after the other's traces, and prints TAP.
 *
 *     run-attacks FILE...      $TURNO_CELL, $TURNO_BACKEND; $TURNO_WEAK_CELL: a build with -DTURNO_WEAK;
 *                              $TURNO_TEMPLATE: template-program.so, for warm runs: each attack twice from one template
 *
 * An attack passes when it ended as its comment says, the canaries of the host are as they were, and the same cell, or the
 * one that replaced it, is empty and runs hello afterwards. Attacks that name a protection are run again in a cell without
 * it and must get through there: otherwise the attack proves nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "tap.h"

struct attack {
  char name[64], path[512];
  char expect[128], limits[128], turns[32], compile[32], weak[32], only[32];
};

static const char *backend;
static struct host host;
static bool has_cell;
static pid_t canary;
static int template_half = -1; /* -1: runs are fresh */
static uint64_t template_number;

static void canary_start(void) {
  canary = fork();
  if (canary == 0) {
    struct sockaddr_un address = {AF_UNIX, "\0turno-canary"};
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(file, (void *)&address, sizeof(sa_family_t) + 13);
    listen(file, 1);
    for (;;) pause();
  }
}

static bool canary_lives(void) { return waitpid(canary, NULL, WNOHANG) == 0; }

static void field(const char *text, const char *key, char *value, size_t size) {
  char pattern[40];
  snprintf(pattern, sizeof pattern, "\n * %s: ", key);
  const char *at = strstr(text, pattern);
  value[0] = '\0';
  if (at) snprintf(value, size, "%.*s", (int)strcspn(at + strlen(pattern), "\n"), at + strlen(pattern));
}

static struct attack read_attack(const char *path) {
  struct attack attack = {0};
  char text[4096] = "", copy[512];
  int file = open(path, O_RDONLY);
  if (file < 0 || read(file, text, sizeof text - 1) < 0) exit(99);
  close(file);
  char *end = strstr(text, "*/");
  if (end) *end = '\0';
  snprintf(attack.path, sizeof attack.path, "%s", path);
  snprintf(copy, sizeof copy, "%s", path);
  snprintf(attack.name, sizeof attack.name, "%s", basename(copy));
  attack.name[strlen(attack.name) - 2] = '\0';
  field(text, "expect", attack.expect, sizeof attack.expect);
  field(text, "limits", attack.limits, sizeof attack.limits);
  field(text, "turns", attack.turns, sizeof attack.turns);
  field(text, "compile", attack.compile, sizeof attack.compile);
  field(text, "weak", attack.weak, sizeof attack.weak);
  field(text, "only", attack.only, sizeof attack.only);
  if (!attack.expect[0]) snprintf(attack.expect, sizeof attack.expect, "exit 0");
  return attack;
}

static uint64_t limit(const struct attack *attack, const char *name) {
  const char *at = strstr(attack->limits, name);
  return at ? strtoull(at + strlen(name) + 1, NULL, 10) : 0;
}

static int compile_outside(const struct attack *attack) {
  char out[] = "/tmp/turno-attack-XXXXXX", command[2048], directory[512];
  int made = mkstemp(out);
  snprintf(directory, sizeof directory, "%s", attack->path);
  snprintf(command, sizeof command, "gcc -O1 %s -w -D_GNU_SOURCE -pthread -I %s %s -o %s",
           template_half < 0 ? "-static" : "-Wl,-z,now", dirname(directory), attack->path, out);
  if (system(command)) {
    printf("Bail out! %s does not compile\n", attack->name);
    exit(99);
  }
  close(made);
  int file = open(out, O_RDONLY | O_CLOEXEC);
  unlink(out);
  return file;
}

static bool slot_becomes(uint32_t state) {
  for (int i = 0; i < 3000; i++) {
    if ((__atomic_load_n(&host.slot->state, __ATOMIC_SEQ_CST) & 7) == state) return true;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return false;
}

/* Lets it run for a moment, stops it for much longer, and compares what it used at the two ends of the stop. */
static bool runs_on_when_stopped(void) {
  slot_becomes(TURNO_SLOT_RUNNING);
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  host_want(&host, TURNO_WANTED_WAIT);
  if (!slot_becomes(TURNO_SLOT_STOPPED)) return false;
  uint64_t before_ns = host.slot->cpu_ns;
  nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
  host_want(&host, TURNO_WANTED_RUN);
  slot_becomes(TURNO_SLOT_RUNNING);
  host_want(&host, TURNO_WANTED_WAIT);
  slot_becomes(TURNO_SLOT_STOPPED);
  uint64_t used_ns = host.slot->cpu_ns - before_ns;
  host_want(&host, TURNO_WANTED_RUN);
  if (used_ns > 100000000) printf("# used %.1f ms while it was stopped\n", used_ns / 1e6);
  return used_ns > 100000000;
}

static bool ends_as(const struct attack *attack, const struct turno_cell_report *report) {
  static const char *const limits[] = {"none", "cpu", "wall", "memory", "output", "file", "", "cancelled"};
  char found[32];
  if (report->kind != TURNO_REPORT_RESULT) snprintf(found, sizeof found, "no result");
  else if (report->limit && report->limit != TURNO_LIMIT_PROCESSES) /* which ends nobody */ snprintf(found, sizeof found, "%s", limits[report->limit]);
  else snprintf(found, sizeof found, "%s %d", report->end == TURNO_END_EXITED ? "exit" : "signal", report->code);
  if (!strcmp(attack->expect, "refused")) return report->kind == TURNO_REPORT_RESULT && strcmp(found, "exit 0");
  char wanted[160], *rest = wanted;
  snprintf(wanted, sizeof wanted, "%s", attack->expect);
  for (char *one; (one = rest);) {
    char *next = strstr(one, " or ");
    if (next) *next = '\0';
    rest = next ? next + 4 : NULL;
    if (!strcmp(one, found)) return true;
  }
  printf("# expected %s, found %s (cpu %.1f ms, wall %.1f ms, %llu KiB)\n", attack->expect, found, report->cpu_ns / 1e6,
         report->wall_ns / 1e6, (unsigned long long)report->memory_bytes >> 10);
  return false;
}

struct trial {
  struct turno_cell_report report;
  bool ran_on; /* while it was stopped */
  char out[512];
};

static bool is_inside(const struct attack *attack) { return attack->compile[0] != '\0'; }

static bool is_warm(const struct attack *attack) { return template_half >= 0 && !is_inside(attack); }

static int open_program(const struct attack *attack) {
  template_number++;
  return is_inside(attack) ? open(attack->path, O_RDONLY | O_CLOEXEC) : compile_outside(attack);
}

static struct trial try(const struct attack *attack, int program) {
  struct trial trial = {0};
  bool inside = is_inside(attack);
  struct file files[] = {{inside ? "bmain.c" : "xprogram", program}, {"xtemplate.so", template_half}};
  const char *compiler[] = {"gcc", "-O2", "main.c", "-o", "program", NULL};
  struct wish wish = {.path = inside ? "/usr/bin/gcc" : "/exe/program",
                      .arguments = inside ? compiler : NULL,
                      .in_files = files,
                      .in_count = is_warm(attack) ? 2 : 1,
                      .flags = is_warm(attack) ? TURNO_RUN_WARM : 0,
                      .template = is_warm(attack) ? template_number : 0,
                      .cpu_ms = limit(attack, "cpu"),
                      .wall_ms = limit(attack, "wall"),
                      .memory_bytes = limit(attack, "memory") << 20,
                      .processes = (uint32_t)limit(attack, "processes"),
                      .output_bytes = limit(attack, "output") << 10,
                      .file_bytes = limit(attack, "file") << 10,
                      .box_bytes = limit(attack, "box") << 20};
  int streams[3] = {memory_file("input"), memory_file(""), memory_file("")};
  fchmod(streams[0], 0444);
  host_send(&host, &wish, streams);
  if (attack->turns[0]) trial.ran_on = runs_on_when_stopped();
  if (!host_result(&host, &trial.report)) trial.report.kind = 0;
  if (pread(streams[1], trial.out, sizeof trial.out - 1, 0) < 0) trial.out[0] = '\0';
  for (int i = 0; i < 3; i++) close(streams[i]);
  if (trial.report.kind == TURNO_REPORT_ERROR) printf("# the cell gave up: step %u, %s\n", trial.report.step, (char *)trial.report.detail);
  return trial;
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

/* The second run, where there is one, comes from the template that the first has attacked. */
static bool is_held_off(const struct attack *attack, const char *cell) {
  int program = open_program(attack);
  bool held = true;
  for (int times = is_warm(attack) ? 2 : 1; times && held; times--) {
    need_cell(cell, NULL);
    struct trial trial = try(attack, program);
    if (trial.report.kind != TURNO_REPORT_RESULT) end_cell();
    held = ends_as(attack, &trial.report) && !trial.ran_on && trial.report.warm == is_warm(attack);
    if (!held) printf("# warm %u, it says: %.200s\n", trial.report.warm, trial.out);
  }
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

/* An attack that works need not work each time, least of all on a machine that is busy with other work. */
#define WEAK_TRIES 5

static void gets_through(const struct attack *attack, const char *weak_cell) {
  bool through = false;
  int program = open_program(attack);
  struct trial trial;
  for (int i = 0; i < WEAK_TRIES && !through; i++) {
    end_cell();
    need_cell(weak_cell, attack->weak);
    trial = try(attack, program);
    through = trial.ran_on || strstr(trial.out, "breach:");
    if (!through && trial.report.kind == TURNO_REPORT_RESULT && !strcmp(attack->weak, "wipe")) through = !is_as_new();
  }
  ok(through, "%s gets through without %s", attack->name, attack->weak);
  if (!through) printf("# kind %u end %u code %d limit %u: %s\n", trial.report.kind, trial.report.end, trial.report.code, trial.report.limit, trial.out);
  close(program);
  end_cell();
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
  for (int i = 1; weak_cell && i < argc; i++) {
    struct attack attack = read_attack(argv[i]);
    if (attack.weak[0]) gets_through(&attack, weak_cell);
  }
  end_cell();
  ok(canary_lives(), "a process of the host has come to no harm");
  kill(canary, SIGKILL);
  return tap_end();
}
