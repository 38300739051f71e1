/*
 * Every name that PID 1, the keeper or the host uses in a directory a program could write, taken by the program first: links
 * to canaries of the host, FIFOs, directories that shut everybody out. Whoever followed one would change a canary, bring its
 * text out, wait for ever, or fail. $TURNO_BACKEND: also "unsafe", where the host's own paths can be reached.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"
#include "tap.h"

#define SECRET "what no program may see\n"

static struct host host;
static char directory[] = "/var/tmp/turno-canary-XXXXXX", canary[64], inner[64];
static struct stat before, before_inner;

static void make_canaries(void) {
  if (!mkdtemp(directory)) exit(99);
  snprintf(canary, sizeof canary, "%s/file", directory);
  snprintf(inner, sizeof inner, "%s/inner", directory);
  int file = open(canary, O_WRONLY | O_CREAT, 0600);
  if (file < 0 || write(file, SECRET, sizeof SECRET - 1) < 0 || mkdir(inner, 0755)) exit(99);
  close(file);
  file = open(inner, O_RDONLY | O_DIRECTORY);
  int kept = openat(file, "kept", O_WRONLY | O_CREAT, 0600);
  close(kept);
  close(file);
  chmod(directory, 0711); /* searched by everybody, and changed by nobody */
  stat(canary, &before);
  stat(inner, &before_inner);
}

static bool same(const struct stat *a, const struct stat *b) {
  return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_size == b->st_size && a->st_nlink == b->st_nlink &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void canaries_are_whole(const char *after) {
  struct stat now, now_inner;
  char kept[80];
  snprintf(kept, sizeof kept, "%s/kept", inner);
  bool whole = !stat(canary, &now) && !stat(inner, &now_inner) && same(&now, &before) && same(&now_inner, &before_inner);
  ok(whole && access(kept, F_OK) == 0, "the canaries are untouched after %s", after);
}

/* $C is the directory of the canaries. */
static const char plant[] =
    "cd /box 2>/dev/null; T=${TMPDIR:-/tmp};"
    "ln -s $C/file out.txt; ln -s $C/inner out; mkfifo fifo; mkdir shut; ln -s $C/file shut/out.txt; chmod 0 shut;"
    "for d in . $T /dev/shm; do for i in 1 2 3 4; do ln -s $C/inner $d/turno-wipe-$i; done; done;"
    "ln -s $C/file main.c; ln -s $C/inner src; ln -s $C/file program; ln -s / root; ln -s /proc/self/fd/0 stdin;"
    "ln -s /proc/1/fd/4 control; mkdir -p deep/er; ln -s $C/inner deep/er/link; chmod 0 deep/er; ln $C/file hard 2>/dev/null;"
    "ln -sf $C/file /exe/program 2>/dev/null; ln -s $C/file $T/stdout; ls -A | wc -l";

static struct outcome *run(const char *script, const struct file *out_files, size_t out_count) {
  char variable[96];
  snprintf(variable, sizeof variable, "C=%s", directory);
  const char *arguments[] = {"sh", "-c", script, NULL}, *environment[] = {variable, "PATH=/usr/bin:/bin", "TMPDIR=/tmp", NULL};
  struct wish wish = {.path = "/bin/sh", .arguments = arguments, .environment = environment, .out_files = out_files, .out_count = out_count};
  return host_run(&host, &wish);
}

static void out_files(void) {
  static const char *const names[] = {"out.txt", "out/kept", "fifo", "shut/out.txt", "root/etc/passwd", "stdin", "control", "hard", "src/kept"};
  enum { COUNT = sizeof names / sizeof *names };
  struct file files[COUNT];
  for (int i = 0; i < COUNT; i++) files[i] = (struct file){names[i], memfd_create("out", MFD_CLOEXEC)};
  struct outcome *o = run(plant, files, COUNT);
  ok(o->report.kind == TURNO_REPORT_RESULT && o->report.code == 0 && atoi(o->out) >= 15, "the program has planted %d names", atoi(o->out));
  is(o->report.out_missing, COUNT, "no out-file is found behind a link, a FIFO or a directory that is shut");
  off_t bytes = 0;
  for (int i = 0; i < COUNT; i++) {
    struct stat status;
    if (fstat(files[i].descriptor, &status) == 0) bytes += status.st_size;
    close(files[i].descriptor);
  }
  is((int)bytes, 0, "and nothing is brought out");
  canaries_are_whole("the clean-up");
}

/* The same names are used by the host for the next run. */
static void in_files(void) {
  int text = memory_file("of the host\n"), program = compiled("int main(void){return 5;}");
  struct file files[] = {{"bmain.c", text}, {"bsrc/kept", text}, {"bout.txt", text}, {"xprogram", program}};
  const char *arguments[] = {"sh", "-c", "cat main.c src/kept out.txt", NULL};
  struct outcome *o = host_run(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .in_files = files, .in_count = 4});
  ok(!strcmp(o->out, "of the host\nof the host\nof the host\n"), "in-files are the host's own, whatever lay there before");
  o = host_run(&host, &(struct wish){.path = "/exe/program", .in_files = files, .in_count = 4});
  is(o->report.code, 5, "and so is the executable");
  close(text);
  close(program);
  canaries_are_whole("files were put in");
}

int main(void) {
  const char *backend = getenv("TURNO_BACKEND") ? getenv("TURNO_BACKEND") : "auto";
  const char *mount[] = {"--mount", directory, NULL};
  make_canaries();
  host_start(&host, backend, mount);
  for (int round = 0; round < 2; round++) {
    out_files();
    in_files();
  }
  run(plant, NULL, 0);
  is(host_end(&host), 0, "the cell ends in order");
  canaries_are_whole("the end of the cell");
  char command[128]; /* without a sandbox /dev/shm was the host's */
  snprintf(command, sizeof command, "rm -rf %s; find /dev/shm -lname '%s/*' -delete", directory, directory);
  if (system(command)) return 99;
  return tap_end();
}
