/*
 * Templates, driven over the cell's own protocol: that warm runs are runs, and that no program harms the template that later
 * ones come from. Python attacks from a run of its own template, which is what stays in a cell from one user to the next;
 * a compiled program (at the end) has the same mechanism. $TURNO_TEMPLATES: directory of the two preloaded halves.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "tap.h"

#define PYTHON "/usr/bin/python3"
#define NUMBER 7

static struct host host;
static bool has_groups;
static int python_half, program_half;
static const char *const environment[] = {"PATH=/usr/bin:/bin", "HOME=/box", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1", NULL};
static const char *const arguments[] = {PYTHON, "main.py", NULL};

static int half(const char *name) {
  const char *directory = getenv("TURNO_TEMPLATES");
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory ? directory : "build/Release", name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) perror(path), exit(99);
  return file;
}

static struct outcome *python_with(const char *source, struct wish wish, bool warm) {
  int text = memory_file(source);
  struct file files[] = {{"bmain.py", text}, {"xtemplate.so", python_half}};
  wish.path = PYTHON;
  if (!wish.arguments) wish.arguments = arguments;
  wish.environment = environment;
  wish.in_files = files;
  wish.in_count = 2;
  wish.flags |= warm ? TURNO_RUN_WARM : 0;
  if (warm && !wish.template) wish.template = NUMBER;
  struct outcome *outcome = host_run(&host, &wish);
  close(text);
  return outcome;
}

static struct outcome *python(const char *source) { return python_with(source, (struct wish){.cpu_ms = 5000, .wall_ms = 20000}, true); }

static bool exits(const struct outcome *outcome, int code) {
  return outcome->report.kind == TURNO_REPORT_RESULT && outcome->report.end == TURNO_END_EXITED && outcome->report.code == code;
}

/*
 * What a program can see of the place it runs in, but for its pid: a template that was tampered with would show in it.
 * RLIMIT_NPROC, which counts by uid, is one higher beside a template where no group counts processes.
 */
static const char look_around[] =
    "import os, resource, signal, sys\n"
    "def mine(pid):\n"
    "  try: return bool(open('/proc/%s/environ' % pid).read())\n"
    "  except OSError: return False\n"
    "print([resource.getrlimit(i) for i in range(16) if i != resource.RLIMIT_NPROC])\n"
    "print(os.sched_getaffinity(0), os.getpriority(0, 0), os.sched_getscheduler(0), os.getppid(), os.getpid() == os.getpgid(0))\n"
    "print([signal.getsignal(i) for i in range(1, 32)], signal.pthread_sigmask(0, []), signal.sigpending())\n"
    "print(os.getcwd(), os.listdir('.'), sorted(os.listdir('/tmp')), dict(os.environ), sys.argv, sys.path, sys.flags)\n"
    "print(sorted(os.listdir('/proc/self/fd')), oct(os.umask(0)), sorted(sys.modules), len([p for p in os.listdir('/proc') if p.isdigit() and mine(p)]))\n"
    "print(repr(sys.stdin), repr(sys.stdout), sys.stdout.line_buffering, sys.stdin.seekable(), sys.stdin.read())\n"
    "print(os.readlink('/proc/self/exe'), open('/proc/self/cmdline').read(), open('/proc/self/comm').read(), os.access('/proc/self/mem', 2))\n"
    "sys.exit(3)\n";
static char as_fresh[65536];

static bool is_as_fresh(bool warm) {
  struct outcome *outcome = python_with(look_around, (struct wish){.input = "line\n", .wall_ms = 20000}, true);
  bool same = exits(outcome, 3) && !strcmp(outcome->out, as_fresh) && (!warm || outcome->report.warm);
  if (!same) printf("# warm %u code %d\n# expected: %s\n# found: %s\n# %s\n", outcome->report.warm, outcome->report.code, as_fresh, outcome->out, outcome->err);
  return same;
}

static void looks_like_fresh(void) {
  struct outcome *fresh = python_with(look_around, (struct wish){.input = "line\n", .wall_ms = 20000}, false);
  ok(exits(fresh, 3) && !fresh->report.warm, "without the flag a run is fresh");
  strcpy(as_fresh, fresh->out);
  ok(is_as_fresh(true), "the first warm run sees what a fresh one sees");
  ok(is_as_fresh(true), "so does the second, from the same template");
  struct outcome *error = python("def f(x):\n  return 1 / x\nf(0)\n");
  ok(exits(error, 1) && error->report.warm && strstr(error->err, "File \"/box/main.py\", line 2, in f\n    return 1 / x\n"),
     "a traceback is that of python3 main.py");
  /* The first run after the interpreter's files have left the page cache is charged for reading them: that was another. */
  const uint64_t memory_bytes = python_with("print('hello')\n", (struct wish){.wall_ms = 20000}, false)->report.memory_bytes;
  struct outcome *hello = python("print('hello')\n");
  printf("# memory: fresh %llu KiB, warm %llu KiB\n", (unsigned long long)memory_bytes >> 10, (unsigned long long)hello->report.memory_bytes >> 10);
  ok(hello->report.memory_bytes > memory_bytes / 4 && hello->report.memory_bytes < memory_bytes * 3, "the memory figure is of the same size");
  /* Taking the interpreter apart would write to nearly all it has. */
  ok(!has_groups || hello->report.memory_bytes < memory_bytes * 3 / 4, "the end leaves the interpreter's memory alone");
}

static void limits(void) {
  static const char burn[] = "while True: pass\n";
  struct outcome *burning = python_with(burn, (struct wish){.cpu_ms = 300, .wall_ms = 60000}, true);
  ok(burning->report.warm && burning->report.limit == TURNO_LIMIT_CPU && burning->report.cpu_ns >= 300000000 && burning->report.cpu_ns < 400000000,
     "the CPU limit ends a warm run");
  ok(is_as_fresh(false), "after a limit the next run is in order");
  const char *sleep = "import time\ntime.sleep(60)\n";
  ok(python_with(sleep, (struct wish){.wall_ms = 400}, true)->report.limit == TURNO_LIMIT_WALL, "so does the wall limit");
  struct wish small = {.memory_bytes = 64 << 20, .cpu_ms = 20000, .wall_ms = 60000};
  struct outcome *large = python_with("b = bytearray(100 << 20)\nprint(len(b))\n", small, true);
  ok(has_groups ? large->report.limit == TURNO_LIMIT_MEMORY : strstr(large->err, "MemoryError") != NULL, "so does the memory limit");
  ok(exits(python_with("b = bytearray(40 << 20)\nprint(len(b))\n", small, true), 0), "the template takes nothing of a program's memory");
  static const char fork_all[] =
      "import os, time\ncount = 0\ntry:\n  while True:\n    if os.fork() == 0:\n      time.sleep(60)\n    count += 1\nexcept OSError:\n  print(count)\n";
  struct wish few = {.processes = 12, .wall_ms = 60000, .cpu_ms = 20000};
  char fresh[32];
  snprintf(fresh, sizeof fresh, "%.31s", python_with(fork_all, few, false)->out);
  struct outcome *forks = python_with(fork_all, few, true);
  ok(forks->report.warm && !strcmp(forks->out, fresh), "nor of its processes");
  printf("# processes: fresh %s# warm %s", fresh, forks->out);
  ok(is_as_fresh(false), "and what it left behind is gone");
}

/* Each runs in a warm program and tries all pids below its own, one of which is the template's. */
static const struct {
  const char *name, *source;
} attacks[] = {
    {"kill by number", "for p in range(2, os.getpid()):\n  try: os.kill(p, 9)\n  except OSError: pass\n"},
    {"kill(-1)", "signal.signal(15, signal.SIG_IGN)\nos.kill(-1, 15)\n"},
    {"kill(-1, SIGKILL)", "os.kill(-1, 9)\n"},
    {"SIGSTOP", "for p in range(2, os.getpid()):\n  try: os.kill(p, 19)\n  except OSError: pass\n"},
    {"SIGSTOP to all and a child that goes on", "if os.fork():\n  os.kill(-1, 19)\nelse:\n  os.setsid()\n  import time\n  while True: time.sleep(1)\n"},
    {"lower limits", "for p in range(2, os.getpid()):\n  for r in range(16):\n    try: resource.prlimit(p, r, (20, 20))\n    except (OSError, ValueError): pass\n"},
    {"one limit", "for p in range(2, os.getpid()):\n  try: resource.prlimit(p, resource.RLIMIT_DATA, (1 << 20, 1 << 20))\n  except (OSError, ValueError): pass\n"},
    {"one core", "for p in range(2, os.getpid()):\n  try: os.sched_setaffinity(p, [max(os.sched_getaffinity(0))])\n  except OSError: pass\n"},
    {"nice", "for p in range(2, os.getpid()):\n  try: os.setpriority(0, p, 19)\n  except OSError: pass\n"},
    {"batch", "for p in range(2, os.getpid()):\n  try: os.sched_setscheduler(p, 3, os.sched_param(0))\n  except OSError: pass\n"},
    {"a daemon", "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    import time\n    while True: time.sleep(1)\n"},
    {"a zombie", "if os.fork() == 0: os._exit(0)\n"},
    {"files in all directories", "for d in ('/box', '/tmp', '/dev/shm'): open(d + '/sitecustomize.py', 'w').write('x')\nos.makedirs('/box/.local/lib/python3.11/site-packages')\n"},
};

static void unharmed(void) {
  static char source[4096];
  for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
    is_as_fresh(false); /* a template stands */
    snprintf(source, sizeof source, "import os, resource, signal\n%s", attacks[i].source);
    python(source);
    ok(is_as_fresh(false), "%s: the next run is as ever", attacks[i].name);
    ok(is_as_fresh(true), "%s: and the one after it is warm", attacks[i].name);
  }
}

/* Of whatever a program may find of other processes: nothing can be read, written, traced or given orders. */
static const char reach[] =
    "import ctypes, os, socket\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "reached = []\n"
    "class iovec(ctypes.Structure): _fields_ = [('base', ctypes.c_void_p), ('length', ctypes.c_size_t)]\n"
    "buffer = ctypes.create_string_buffer(8)\n"
    "vector = iovec(ctypes.addressof(buffer), 8)\n"
    "for pid in range(1, os.getpid()):\n"
    "  for name in ('mem', 'maps', 'environ', 'fd/3', 'fd/0', 'cwd', 'exe', 'root', 'stack', 'syscall', 'task/%d/mem' % pid):\n"
    "    for flags in (os.O_RDONLY, os.O_WRONLY):\n"
    "      try: os.close(os.open('/proc/%d/%s' % (pid, name), flags)); reached.append((pid, name))\n"
    "      except OSError: pass\n"
    "  if libc.ptrace(16, pid, 0, 0) == 0 or libc.ptrace(0x4206, pid, 0, 0) == 0: reached.append((pid, 'ptrace'))\n"
    "  if libc.process_vm_readv(pid, ctypes.byref(vector), 1, ctypes.byref(vector), 1, 0) > 0: reached.append((pid, 'vm'))\n"
    "  pidfd = libc.syscall(434, pid, 0)\n"
    "  if pidfd >= 0 and libc.syscall(438, pidfd, 3, 0) >= 0: reached.append((pid, 'pidfd_getfd'))\n"
    "try: socket.socket(fileno=3); reached.append('socket')\n"
    "except OSError: pass\n"
    "print(reached, libc.ptrace(0, 0, 0, 0))\n";

static void unreachable(void) {
  is_as_fresh(true);
  struct outcome *outcome = python(reach);
  ok(outcome->report.warm && exits(outcome, 0) && !strcmp(outcome->out, "[] -1\n"), "a program reaches nothing of its template");
  if (strcmp(outcome->out, "[] -1\n")) printf("# %s%s", outcome->out, outcome->err);
}

static void other_templates(void) {
  static const char *const more[] = {PYTHON, "main.py", "one", NULL};
  struct wish wish = {.arguments = more, .wall_ms = 20000};
  struct outcome *outcome = python_with("import sys\nprint(sys.argv, sys.orig_argv[1:])\n", wish, true);
  ok(!strcmp(outcome->out, "['main.py', 'one'] ['main.py', 'one']\n"), "other arguments, the same number: never the wrong template");
  ok(is_as_fresh(true), "and back");
  wish = (struct wish){.template = 9, .template_cpu_ms = 1, .wall_ms = 20000};
  ok(!python_with("print(1)\n", wish, true)->report.warm, "a template that uses more CPU than allowed is not used");
  wish.template_cpu_ms = 0;
  ok(!python_with("print(1)\n", wish, true)->report.warm, "nor tried again");
  struct outcome *broken = python_with("print(1)\n", (struct wish){.template = 10, .memory_bytes = 6 << 20, .wall_ms = 20000}, true);
  ok(broken->report.kind == TURNO_REPORT_RESULT, "a run too small for its interpreter ends with a verdict");
  ok(is_as_fresh(true), "and harms no later one");
}

static void wait_for_state(uint32_t state) {
  while (__atomic_load_n(&host.slot->state, __ATOMIC_SEQ_CST) != (host.run << 3 | state)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void send_held(const char *source, uint64_t number, int streams[3]) {
  int text = memory_file(source);
  struct file files[] = {{"bmain.py", text}, {"xtemplate.so", python_half}};
  for (int i = 0; i < 3; i++) streams[i] = memory_file("");
  host_send(&host, &(struct wish){.path = PYTHON, .arguments = arguments, .environment = environment, .in_files = files, .in_count = 2,
                                  .flags = TURNO_RUN_WARM, .template = number, .held = true, .wall_ms = 20000}, streams);
  close(text);
}

static void turns(void) {
  struct turno_cell_report report;
  char text[16] = "";
  int streams[3];
  for (uint64_t number = 20; number < 40; number++) {
    send_held("print('turn')\n", number, streams);
    wait_for_state(TURNO_SLOT_WAITING);
    host_want(&host, TURNO_WANTED_RUN);
    nanosleep(&(struct timespec){.tv_nsec = (long)(number - 20) * 1000000}, NULL);
    host_want(&host, TURNO_WANTED_WAIT); /* somewhere in its start: as template, as program, or after its end */
    host_want(&host, TURNO_WANTED_RUN);
    bool result = host_result(&host, &report) && report.kind == TURNO_REPORT_RESULT && report.code == 0;
    if (pread(streams[1], text, sizeof text - 1, 0) != 5 || !result || strcmp(text, "turn\n")) break;
    for (int i = 0; i < 3; i++) close(streams[i]);
    if (number == 39) ok(true, "stopped at any moment of its start, a warm run goes on");
  }
  if (strcmp(text, "turn\n")) ok(false, "stopped at any moment of its start, a warm run goes on");
  send_held("print('never')\n", 50, streams);
  wait_for_state(TURNO_SLOT_WAITING);
  host_want(&host, TURNO_WANTED_RUN);
  host_want(&host, TURNO_WANTED_KILL);
  ok(host_result(&host, &report) && report.kind == TURNO_REPORT_RESULT, "cancelled while its template is made it ends");
  for (int i = 0; i < 3; i++) close(streams[i]);
  ok(is_as_fresh(true), "and the cell goes on");
}

static int linked(const char *source) {
  static char path[] = "/tmp/turno-warm-XXXXXX";
  char command[256];
  strcpy(path, "/tmp/turno-warm-XXXXXX");
  close(mkstemp(path));
  snprintf(command, sizeof command, "gcc -O1 -w -D_GNU_SOURCE -pthread -Wl,-z,now -x c - -o %s", path);
  FILE *pipe = popen(command, "w");
  fputs(source, pipe);
  if (pclose(pipe)) exit(99);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  unlink(path);
  return file;
}

static const char constructors[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include <pthread.h>\n#include <unistd.h>\n#include <sys/auxv.h>\n#include <string.h>\n"
    "extern char **environ; static int started;\n"
    "__attribute__((constructor)) static void first(void) { started = getpid() == gettid(); }\n"
    "__attribute__((destructor)) static void last(void) { puts(\"destroyed\"); }\n"
    "static void bye(void) { puts(\"bye\"); }\n"
    "static void *thread(void *lock) { pthread_mutex_lock(lock); return (void *)(long)(gettid() != getpid()); }\n"
    "int main(int argc, char **argv) {\n"
    "  pthread_t made; void *result; pthread_mutex_t lock; pthread_mutexattr_t robust; char line[64];\n"
    "  pthread_mutexattr_init(&robust); pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST); pthread_mutex_init(&lock, &robust);\n"
    "  atexit(bye); pthread_create(&made, 0, thread, &lock); pthread_join(made, &result);\n"
    "  char **end = environ; while (*end) end++;\n"
    "  unsigned long *vector = (unsigned long *)(end + 1); while (vector[0] && vector[0] != AT_PAGESZ) vector += 2;\n"
    "  printf(\"%d %ld %d %lu %d %s %d %s %d\\n\", started, (long)result, pthread_mutex_lock(&lock), vector[1], argc, argv[0], end - environ,\n"
    "         environ[0], getenv(\"LD_PRELOAD\") != 0);\n"
    "  printf(\"%s\", fgets(line, 64, stdin)); if (fork() == 0) _exit(gettid() != getpid()); return 5; }\n";

static void compiled_program(void) {
  int program = linked(constructors);
  struct file files[] = {{"xprogram", program}, {"xtemplate.so", program_half}};
  struct wish wish = {.path = "/exe/program", .input = "given\n", .in_files = files, .in_count = 2};
  char fresh[4096];
  struct outcome *outcome = host_run(&host, &wish);
  ok(exits(outcome, 5) && strstr(outcome->out, "given\nbye\ndestroyed"), "a compiled program runs fresh");
  snprintf(fresh, sizeof fresh, "%s", outcome->out);
  uint64_t bytes = outcome->report.memory_bytes;
  wish.flags = TURNO_RUN_WARM;
  wish.template = 100;
  wish.template_cpu_ms = 500; /* the machine may be busy */
  for (int i = 0; i < 3; i++) {
    outcome = host_run(&host, &wish);
    ok(exits(outcome, 5) && outcome->report.warm && !strcmp(outcome->out, fresh), "and warm it says the same");
    if (strcmp(outcome->out, fresh)) printf("# fresh: %s# warm: %s", fresh, outcome->out);
  }
  printf("# memory: fresh %llu KiB, warm %llu KiB\n", (unsigned long long)bytes >> 10, (unsigned long long)outcome->report.memory_bytes >> 10);
  ok(outcome->report.memory_bytes < bytes + (1 << 20) && bytes < outcome->report.memory_bytes + (1 << 20), "with as much memory");
  close(program);
  files[0].descriptor = program = linked("#include <stdio.h>\nint main(void) { puts(\"another\"); }");
  outcome = host_run(&host, &wish);
  ok(exits(outcome, 0) && !strcmp(outcome->out, "another\n"), "another executable with the same number is not taken for the first");
  close(program);
  wish.in_files = &files[1];
  wish.in_count = 1;
  wish.path = "/bin/sh";
  wish.flags = 0;
  wish.template = 0;
  const char *script[] = {"sh", "-c", "set -- /proc/[0-9]*; echo $#", NULL};
  wish.arguments = script;
  outcome = host_run(&host, &wish);
  ok(!strcmp(outcome->out, "1\n"), "no template of a submission stands while another program runs");
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  host_start(&host, getenv("TURNO_BACKEND") ? getenv("TURNO_BACKEND") : "auto", NULL);
  has_groups = host.hello.backend & (TURNO_BACKEND_CGROUP_V1 | TURNO_BACKEND_CGROUP_V2);
  python_half = half("template-python.so");
  program_half = half("template-program.so");
  looks_like_fresh();
  limits();
  unharmed();
  unreachable();
  other_templates();
  turns();
  compiled_program();
  is(host_end(&host), 0, "the cell ends in order");
  return tap_end();
}
