/*
 * The cell, driven over its own protocol: verdict facts, limits, turns, clean-up, errors. $TURNO_BACKEND chooses the backend
 * (default auto); what a backend cannot do is skipped with the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "tap.h"

static struct host host;
static bool has_groups;
static double slow = 1; /* $TURNO_SLOW: how much slower the machine is than a real one (emulation) */

static const char *backend(void) {
  const char *name = getenv("TURNO_BACKEND");
  return name ? name : "auto";
}

static struct outcome *run_program(const char *source, struct wish wish) { return host_program(&host, source, wish); }

static struct outcome *shell(const char *script) { return host_shell(&host, script, NULL); }

static void promises_hello(void) {
  struct outcome *hello = shell("echo hello");
  is(hello->report.end, TURNO_END_EXITED, "after every test the cell still runs hello");
  ok(!strcmp(hello->out, "hello\n"), "and its output is whole");
}

#define LIMIT(outcome, expected, ...) is((outcome)->report.limit, TURNO_LIMIT_##expected, __VA_ARGS__)

static void ends(void) {
  struct outcome *o = run_program("int main(){return 137;}", (struct wish){0});
  is(o->report.end, TURNO_END_EXITED, "a program that exits 137 has exited");
  is(o->report.code, 137, "with 137");
  LIMIT(o, NONE, "and no limit ended it");
  o = run_program("int main(){return 127;}", (struct wish){0});
  is(o->report.code, 127, "a program that exits 127 is a plain end, not a failure of the cell");
  o = run_program("#include <signal.h>\nint main(){raise(SIGKILL);}", (struct wish){0});
  is(o->report.end, TURNO_END_SIGNALLED, "raise(SIGKILL) is the end by a signal");
  is(o->report.code, SIGKILL, "namely SIGKILL");
  LIMIT(o, NONE, "and not taken for a memory limit");
  o = run_program("#include <signal.h>\nint main(){raise(SIGRTMIN+3);}", (struct wish){0});
  is(o->report.code, SIGRTMIN + 3, "death by a real-time signal is told as such");
  o = run_program("int main(){*(volatile int*)8=1;}", (struct wish){0});
  is(o->report.code, SIGSEGV, "a wild store ends by SIGSEGV");
  o = run_program("#include <stdio.h>\n#include <unistd.h>\nint main(){puts(\"Killed\");fflush(stdout);_exit(9);}", (struct wish){0});
  is(o->report.code, 9, "printing Killed changes nothing");
}

static void reasons(void) {
  struct outcome *o = run_program("#include <sys/syscall.h>\n#include <unistd.h>\nint main(){syscall(SYS_reboot,0,0,0,0);}", (struct wish){0});
  is(o->report.code, SIGSYS, "a system call that nobody may make ends the run");
  is(o->report.blocked_syscall, SYS_reboot, "and is told by its number");
  ok(!strcmp((char *)o->report.detail, "reboot"), "and its name (%s)", (char *)o->report.detail);
#ifdef __x86_64__
  o = run_program("int main(){long r;__asm__ volatile(\"int $0x80\":\"=a\"(r):\"a\"(20));return 0;}", (struct wish){0});
  is(o->report.blocked_syscall, 20, "a 32-bit call is told by its own number");
#endif
  o = run_program("#include <signal.h>\nint main(){raise(SIGSYS);}", (struct wish){0});
  is(o->report.code, SIGSYS, "SIGSYS at oneself is a plain signal");
  is(o->report.blocked_syscall, -1, "and no call is blamed for it");
  const char *forks = "#include <unistd.h>\nint main(){for(int i=0;i<20;i++){int p=fork();if(p<0)return 3;if(!p)return usleep(100000);}return 0;}";
  o = run_program(forks, (struct wish){.processes = 8});
  is(o->report.code, 3, "a program that is refused a process goes on");
  if (has_groups) LIMIT(o, PROCESSES, "and the limit is told");
  else skip("no control groups", "and the limit is told");
  o = run_program(forks, (struct wish){.processes = 64});
  LIMIT(o, NONE, "but only to the run that reached it");
}

static void executables(void) {
  int junk = memory_file("no program at all"), script = memory_file("#!/no/such/interpreter\n");
  struct file files[] = {{"xprogram", junk}};
  struct outcome *o = host_run(&host, &(struct wish){.path = "/exe/program", .in_files = files, .in_count = 1});
  is(o->report.code, 126, "a file that is no program ends like 126");
  files[0].descriptor = script;
  o = host_run(&host, &(struct wish){.path = "/exe/program", .in_files = files, .in_count = 1});
  is(o->report.code, 126, "so does a script whose interpreter is missing");
  close(junk);
  close(script);
  files[0].descriptor = compiled("int main(){return 5;}");
  o = host_run(&host, &(struct wish){.path = "/exe/program", .in_files = files, .in_count = 1});
  is(o->report.code, 5, "another file under the same name replaces it");
  o = shell("ls /exe");
  is(o->out_bytes, 0, "a file in /exe that a run does not ask for is gone");
  close(files[0].descriptor);
}

/*
 * The clock of a cell cannot be later than the kernel lets PID 1 run: on a machine that is busy with other work a limit is
 * overrun now and then. What is promised is shown by the best of a few tries; a clock that is late by itself always is.
 */
#define TRIES 5
/* Beside foreign load the wait of a child for a core counts as its parent's sleep, once the parent has reaped it. */
#define PATIENT_MS 600000

static struct outcome *best_of(const char *source, uint64_t most_ns) {
  struct outcome *o = NULL;
  for (int try = 0; try < TRIES; try++) {
    o = run_program(source, (struct wish){.cpu_ms = 200});
    if (o->report.cpu_ns < most_ns) break;
  }
  return o;
}

static void cpu_limit(void) {
  uint64_t most_ns = (uint64_t)(200000000 + slow * 10000000);
  struct outcome *o = best_of("int main(){for(;;);}", most_ns);
  LIMIT(o, CPU, "an infinite loop reaches the CPU limit");
  ok(o->report.cpu_ns >= 200000000 && o->report.cpu_ns < most_ns, "within 10 ms (%.1f ms of 200)", o->report.cpu_ns / 1e6);
  most_ns = (uint64_t)(200000000 + slow * 15000000);
  o = best_of("#include <pthread.h>\nvoid*f(void*a){for(;;);}int main(){pthread_t t;pthread_create(&t,0,f,0);f(0);}", most_ns);
  LIMIT(o, CPU, "two threads share one CPU limit");
  ok(o->report.cpu_ns < most_ns, "(%.1f ms of 200)", o->report.cpu_ns / 1e6);
  o = run_program("#include <unistd.h>\n#include <sys/wait.h>\n"
                  "int main(){for(int i=0;i<20;i++){if(!fork()){for(volatile long j=0;j<90000000;j++);_exit(0);}wait(0);}}",
                  (struct wish){.cpu_ms = 150, .wall_ms = PATIENT_MS});
  LIMIT(o, CPU, "children that take turns share it too");
  o = run_program("#include <unistd.h>\n#include <signal.h>\n"
                  "int main(){signal(SIGCHLD,SIG_IGN);for(;;){if(!fork()){for(volatile long j=0;j<9000000;j++);_exit(0);}usleep(100);}}",
                  (struct wish){.cpu_ms = 150, .wall_ms = PATIENT_MS});
  if (has_groups) LIMIT(o, CPU, "and so do children that nobody waits for");
  else skip("no control groups", "and so do children that nobody waits for");
}

static void wall_limit(void) {
  struct outcome *o = run_program("#include <unistd.h>\nint main(){sleep(9);}", (struct wish){.wall_ms = 200});
  LIMIT(o, WALL, "a sleeping program reaches the wall limit");
  o = run_program("#include <signal.h>\nint main(){raise(SIGSTOP);}", (struct wish){.wall_ms = 200});
  LIMIT(o, WALL, "a program that stops itself does too");
  o = run_program("#include <signal.h>\n#include <unistd.h>\nint main(){for(int i=1;i<65;i++)signal(i,SIG_IGN);for(;;)pause();}",
                  (struct wish){.wall_ms = 200});
  LIMIT(o, WALL, "and one that ignores every signal");
}

static void memory_limit(void) {
  const char *source = "#include <stdlib.h>\n#include <string.h>\nint main(){for(;;){char*p=malloc(1<<20);if(!p)abort();memset(p,1,1<<20);}}";
  struct outcome *o = run_program(source, (struct wish){.memory_bytes = 32 << 20});
  if (!has_groups) {
    is(o->report.code, SIGABRT, "without groups malloc returns NULL at the memory limit");
    return;
  }
  LIMIT(o, MEMORY, "a program that takes all memory reaches the memory limit");
  int kept[3] = {memory_file(""), memory_file(""), memory_file("")}; /* what lies in them counts for the group, run or no run */
  const char *arguments[] = {"sh", "-c", "head -c 3145728 /dev/zero", NULL};
  struct turno_cell_report report;
  host_send(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .output_bytes = 4 << 20}, kept);
  ok(host_result(&host, &report) && report.stdout_bytes == 3 << 20, "a program leaves 3 MiB in memory");
  o = run_program(source, (struct wish){.memory_bytes = 32 << 20});
  ok(o->report.memory_bytes > (32 << 20) - (1 << 20) && o->report.memory_bytes <= 32 << 20,
     "who reached the limit is told to have had that much, whatever was there before (%llu KiB)", (unsigned long long)o->report.memory_bytes >> 10);
  for (int i = 0; i < 3; i++) close(kept[i]);
  o = run_program("int f(int n){volatile char a[4096];a[0]=n;return f(n+1)+a[0];}int main(){return f(0);}",
                  (struct wish){.memory_bytes = 32 << 20});
  LIMIT(o, MEMORY, "endless recursion is bounded by memory, not by a stack limit");
  o = run_program("int f(int n){volatile char a[4096];a[0]=n;return f(n+1)+a[0];}int main(){return f(0);}",
                  (struct wish){.stack_bytes = 4 << 20});
  is(o->report.code, SIGSEGV, "unless a stack limit is asked for");
  static char large[100001]; /* two of them are more than the 128 KiB that any stack has room for */
  const char *two_large[] = {"true", memset(large, 'x', 100000), large, NULL};
  o = host_run(&host, &(struct wish){.path = "/bin/true", .arguments = two_large, .stack_bytes = 128 << 10});
  is(o->report.code, 126, "arguments that do not fit into the stack are the program's failure");
  o = run_program("int main(){return 3;}", (struct wish){.stack_bytes = 64 << 10});
  is(o->report.code, 3, "a program runs with the smallest stack there is");
  o = shell("dd if=/dev/zero of=/dev/shm/f bs=1M count=15 2>/dev/null; dd if=/dev/zero of=/tmp/f bs=1M count=15 2>/dev/null; exit 4");
  is(o->report.code, 4, "files count for the memory of the run");
  ok(o->report.memory_bytes > 30 << 20, "(%llu KiB)", (unsigned long long)o->report.memory_bytes >> 10);
  o = run_program("int main(){return 0;}", (struct wish){0});
  ok(o->report.memory_bytes < 4 << 20, "the next run starts from nothing (%llu KiB)", (unsigned long long)o->report.memory_bytes >> 10);
}

static void address_space(void) {
  const char *reserve = "#include <string.h>\n#include <sys/mman.h>\n#include <unistd.h>\nint main(int n,char**v){"
                        "char*p=mmap(0,1l<<33,PROT_READ|PROT_WRITE,MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE,-1,0);if(p==MAP_FAILED)return 2;"
                        "for(long i=0;;i++){memset(p+(i<<20),1,1<<20);usleep(5000);}}";
  struct outcome *o = run_program(reserve, (struct wish){.memory_bytes = 32 << 20, .flags = TURNO_RUN_RESERVES});
  LIMIT(o, MEMORY, "who may reserve address space is held by what is resident");
  o = run_program(reserve, (struct wish){.memory_bytes = 32 << 20});
  if (has_groups) LIMIT(o, MEMORY, "and with groups there is no difference");
  else is(o->report.code, 2, "who may not is refused it, where there are no groups");
}

/* Many processes reach the memory limit at once: the alarm rings again while they are being ended, and stays for nobody else. */
static void stale_alarm(void) {
  if (!has_groups) return;
  int hog = compiled("#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\nint main(){for(int i=0;i<20;i++)if(!fork())break;"
                     "for(;;){char*p=malloc(1<<16);if(p)memset(p,1,1<<16);}}");
  int hello = compiled("int main(){return 0;}"), wrong = 0;
  for (int i = 0; i < 10; i++) {
    struct turno_cell_report report;
    struct file executable = {"xprogram", hog};
    host_run(&host, &(struct wish){.path = "/exe/program", .in_files = &executable, .in_count = 1, .memory_bytes = 16 << 20});
    executable.descriptor = hello;
    int streams[3] = {memory_file(""), memory_file(""), memory_file("")};
    host_send(&host, &(struct wish){.path = "/exe/program", .in_files = &executable, .in_count = 1, .held = true}, streams);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); /* time to make the mistake; without it the promise is kept, too */
    host_want(&host, TURNO_WANTED_RUN);
    wrong += !host_result(&host, &report) || report.limit != TURNO_LIMIT_NONE;
    for (int j = 0; j < 3; j++) close(streams[j]);
  }
  is(wrong, 0, "what another run did to its memory limit is not told of a run that waits for its turn");
  close(hog), close(hello);
}

static void process_limit(void) {
  const char *source = "#include <unistd.h>\n#include <stdio.h>\nint main(){int n=0;for(;n<100;n++){int p=fork();if(!p){pause();}if(p<0)break;}printf(\"%d\",n);}";
  struct outcome *o = run_program(source, (struct wish){.processes = 10});
  is(atoi(o->out), 9, "10 processes are 10, the program included");
  source = "#include <pthread.h>\n#include <unistd.h>\n#include <stdio.h>\nvoid*f(void*a){pause();}int main(){int n=0;pthread_t t;"
           "pthread_attr_t a;pthread_attr_init(&a);pthread_attr_setstacksize(&a,65536);"
           "for(;n<100;n++)if(pthread_create(&t,&a,f,0))break;printf(\"%d\",n);}";
  o = run_program(source, (struct wish){.processes = 10});
  is(atoi(o->out), 9, "threads count like processes");
  o = run_program("#include <unistd.h>\nint main(){for(;;)fork();}", (struct wish){.cpu_ms = 300, .wall_ms = 300});
  ok(o->report.limit == TURNO_LIMIT_CPU || o->report.limit == TURNO_LIMIT_WALL, "a fork bomb ends at a limit");
}

static void output_limit(void) {
  const char *flood = "#include <stdio.h>\nint main(){for(;;)puts(\"aaaaaaaaaaaaaaaaaaaaaaaa\");}";
  struct outcome *o = run_program(flood, (struct wish){.output_bytes = 10000});
  LIMIT(o, OUTPUT, "a flood of output reaches the output limit");
  o = run_program(flood, (struct wish){.output_bytes = 10000, .file_bytes = 5000});
  LIMIT(o, OUTPUT, "also when files are bounded more tightly");
  is(o->out_bytes, 10000, "and then exactly the limit is kept");
  o = run_program(flood, (struct wish){.output_bytes = 10000, .file_bytes = 64 << 20, .memory_bytes = 8 << 20});
  LIMIT(o, OUTPUT, "also when it fills the memory first");
  o = run_program("#include <stdio.h>\nint main(){for(;;)fputs(\"aaaaaaaaaaaaaaaaaaaaaaaa\",stderr);}",
                  (struct wish){.output_bytes = 10000, .cpu_ms = (uint64_t)(2000 * slow), .wall_ms = (uint64_t)(6000 * slow)});
  LIMIT(o, OUTPUT, "stderr has the same limit");
  const char *exact = "#include <stdio.h>\nint main(){for(int i=0;i<10000;i++)putchar('a');}";
  o = run_program(exact, (struct wish){.output_bytes = 10000});
  LIMIT(o, NONE, "output as long as the limit is within it");
  o = run_program(exact, (struct wish){.output_bytes = 10000, .flags = TURNO_RUN_PIPE_OUTPUT});
  LIMIT(o, NONE, "through a pipe too");
  o = run_program(exact, (struct wish){.output_bytes = 9999, .flags = TURNO_RUN_PIPE_OUTPUT});
  LIMIT(o, OUTPUT, "and one byte more is not");
  o = run_program("#include <stdio.h>\n#include <signal.h>\nint main(){signal(SIGXFSZ,SIG_IGN);for(int i=0;i<10001;i++)putchar('a');return 0;}",
                  (struct wish){.output_bytes = 10000, .file_bytes = 10000});
  LIMIT(o, OUTPUT, "a program that ignores SIGXFSZ is found out by one byte");
  const char *arguments[] = {"sh", "-c", "echo one; echo two > /dev/stdout; echo three", NULL};
  o = host_run(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .flags = TURNO_RUN_PIPE_OUTPUT});
  ok(!strcmp(o->out, "one\ntwo\nthree\n"), "with pipes /dev/stdout appends");
}

/* Ticks of CPU time of the program that runs; -1: there is none. */
static long ticks_of_program(void) {
  char path[64], text[1024] = "";
  long user = -1;
  snprintf(path, sizeof path, "/proc/%u/task/%u/children", host.slot->cell_pid, host.slot->cell_pid);
  FILE *file = fopen(path, "re");
  int pid = 0;
  if (!file || fscanf(file, "%d", &pid) != 1) pid = 0;
  if (file) fclose(file);
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (!pid || !(file = fopen(path, "re"))) return -1;
  if (fgets(text, sizeof text, file)) sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld", &user);
  fclose(file);
  return user;
}

/* The program has printed all it wants to, and burns. */
static void output_nobody_reads(void) {
  int program = compiled("#include <stdio.h>\nint main(){for(int i=0;i<100000;i++)putchar('a');fflush(stdout);for(;;);}");
  const struct file file = {"xprogram", program};
  const struct wish wish = {.path = "/exe/program", .in_files = &file, .in_count = 1, .flags = TURNO_RUN_PIPE_OUTPUT, .cpu_ms = 200};
  struct turno_cell_report report;
  char text[4096];
  size_t bytes = 0;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) exit(99);
  int streams[3] = {memory_file(""), ends[1], memory_file("")};
  host_send(&host, &wish, streams);
  close(ends[1]);
  while (ticks_of_program() < 0) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  for (long ticks = 0; ticks >= 0 && ticks < sysconf(_SC_CLK_TCK); ticks = ticks_of_program()) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  for (ssize_t count; bytes < 100000 && (count = read(ends[0], text, sizeof text)) > 0;) bytes += (size_t)count;
  ok(host_result(&host, &report) && report.limit == TURNO_LIMIT_CPU, "a run whose output nobody reads for a while is ended by its limit");
  ok(report.cpu_ns < 200000000 + slow * 200000000, "meanwhile: after %llu ms", (unsigned long long)report.cpu_ns / 1000000);
  is(bytes, 100000, "and nothing of its output is lost");
  close(ends[0]), close(streams[0]), close(streams[2]), close(program);
}

static void file_limits(void) {
  struct outcome *o = run_program("#include <stdio.h>\nint main(){FILE*f=fopen(\"x\",\"w\");for(;;)fputs(\"aaaaaaaaaaaaaaaa\",f);}",
                                  (struct wish){.file_bytes = 2 << 20});
  LIMIT(o, FILE_SIZE, "a file that grows too large reaches the file size limit");
  const char *arguments[] = {"sh", "-c", "for i in 1 2 3 4 5 6 7 8; do dd if=/dev/zero of=f$i bs=1M count=1 2>/dev/null || exit 7; done", NULL};
  o = host_run(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .box_bytes = 4 << 20});
  is(o->report.code, 7, "all files together are bounded by the size of the box");
  is(o->report.box_full, TURNO_BOX_FULL_BYTES, "which is told");
  const char *many = "#include <fcntl.h>\n#include <stdio.h>\nint main(){char n[32];int i=0;for(;i<200000;i++){sprintf(n,\"f%d\",i);int f=open(n,O_CREAT|O_WRONLY,0600);if(f<0)break;close(f);}printf(\"%d\",i);return 4;}";
  o = run_program(many,
                  (struct wish){.cpu_ms = (uint64_t)(5000 * slow), .wall_ms = (uint64_t)(9000 * slow)});
  is(atoi(o->out), TURNO_BOX_FILES, "and by a number of files");
  is(o->report.box_full, TURNO_BOX_FULL_FILES, "which is told, too");
  o = shell("head -c 3M /dev/zero > f; rm f; exit 5");
  is(o->report.box_full, TURNO_BOX_FULL_NO, "but not of a program that fails for another reason");
  o = run_program("#include <fcntl.h>\n#include <stdio.h>\nint main(){int n=0;while(open(\"/dev/null\",0)>=0)n++;printf(\"%d\",n);}",
                  (struct wish){.open_files = 50});
  is(atoi(o->out), 47, "50 open files are 50");
}

static void in_and_out(void) {
  int in = memory_file("content\n"), out = memfd_create("out", MFD_CLOEXEC);
  struct file in_files[] = {{"ba/b/in.txt", in}}, out_files[] = {{"out.txt", out}, {"none", out}};
  const char *copy[] = {"sh", "-c", "cat > out.txt; cat a/b/in.txt >> out.txt", NULL};
  struct outcome *o = host_run(&host, &(struct wish){.path = "/bin/sh", .arguments = copy, .input = "input\n",
                                                     .in_files = in_files, .in_count = 1, .out_files = out_files, .out_count = 2});
  char text[64] = "";
  pread(out, text, sizeof text - 1, 0);
  ok(!strcmp(text, "input\ncontent\n"), "stdin and in-files go in, an out-file comes out");
  is(o->report.out_missing, 1, "a missing one is counted");
  static const char *const planted[] = {"ln -s /etc/passwd out.txt", "mkfifo out.txt", "mkdir out.txt", "ln -s ../../etc out.txt",
                                        "echo x > out.txt; chmod 0 out.txt"};
  for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
    const char *plant[] = {"sh", "-c", planted[i], NULL};
    o = host_run(&host, &(struct wish){.path = "/bin/sh", .arguments = plant, .out_files = out_files, .out_count = 1});
    is(o->report.out_missing, 1, "not brought out: %s", planted[i]);
  }
  const char *large[] = {"sh", "-c", "dd if=/dev/zero of=out.txt bs=1k count=9 2>/dev/null", NULL};
  o = host_run(&host, &(struct wish){.path = "/bin/sh", .arguments = large, .out_files = out_files, .out_count = 1, .out_bytes = 9000});
  is(o->report.out_missing, 1, "nor is a file larger than asked for");
  close(in);
  close(out);
}

static void nothing_survives(void) {
  shell("mkdir -p a/b; echo x > a/b/c; chmod 0 a; echo > '-rf'; mkfifo p; ln -s / l; echo > /tmp/t; echo > /dev/shm/s; mkdir /tmp/d; chmod 0 /tmp/d");
  struct outcome *o = shell("ls -A /box /tmp /dev/shm | grep -v : | grep -v '^$'");
  is(o->out_bytes, 0, "files of one run are not there in the next");
  run_program("#include <sys/stat.h>\n#include <unistd.h>\nint main(){for(int i=0;i<5000;i++){mkdir(\"d\",0700);chdir(\"d\");}return 0;}", (struct wish){0});
  o = shell("ls -A");
  is(o->out_bytes, 0, "nor is a tree 5,000 levels deep");
  o = run_program("#include <unistd.h>\n#include <signal.h>\nint main(){if(!fork()){setsid();if(!fork()){for(int i=1;i<65;i++)signal(i,SIG_IGN);for(;;);}_exit(0);}return 3;}", (struct wish){0});
  is(o->report.code, 3, "a program that leaves a daemon ends when it ends itself");
  o = run_program("#include <stdio.h>\n#include <signal.h>\nint main(){int n=0;for(int p=2;p<40000;p++)n+=kill(p,0)==0;printf(\"%d\",n);}", (struct wish){0});
  is(atoi(o->out), 1, "and the next run is alone");
}

#define PATIENT_LOOKS 60000 /* a millisecond apart: only what never comes takes so long, however busy the machine is */

/* Waits until the slot says `state`; the state of a process that is signalled changes in its own time. */
static bool becomes(uint32_t state) {
  for (int i = 0; i < PATIENT_LOOKS; i++) {
    if ((__atomic_load_n(&host.slot->state, __ATOMIC_SEQ_CST) & 7) == state) return true;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return false;
}

static bool has_written(int file) {
  struct stat status = {0};
  for (int i = 0; i < PATIENT_LOOKS && fstat(file, &status) == 0 && !status.st_size; i++) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  return status.st_size > 0;
}

/* Slot 0 on lane 0: slot + 1 and lane + 1 are both 1. */
static uint32_t claim_of_next_run(void) { return (host.run + 1) << TURNO_CLAIM_RUN_SHIFT | 1; }

static void turns(void) {
  int program = compiled("#include <unistd.h>\nint main(){write(1,\"runs\",4);for(;;);}");
  struct file executable = {"xprogram", program};
  struct wish wish = {.path = "/exe/program", .in_files = &executable, .in_count = 1, .cpu_ms = 100, .wall_ms = 10000, .held = true};
  int streams[3] = {memory_file(""), memory_file(""), memory_file("")};
  struct turno_cell_report report;

  host.slot->lane = host.turns->lanes[0] = claim_of_next_run();
  host.turns->waiters = 1;
  host_send(&host, &wish, streams);
  ok(becomes(TURNO_SLOT_WAITING), "a run waits until it is wanted");
  host_want(&host, TURNO_WANTED_RUN);
  ok(becomes(TURNO_SLOT_RUNNING), "runs");
  ok(has_written(streams[1]), "has begun"); /* it is running from the moment it may be started, before it has used anything */
  uint32_t bell = host.turns->bell;
  host_want(&host, TURNO_WANTED_WAIT);
  ok(becomes(TURNO_SLOT_STOPPED), "stops");
  ok(host.turns->bell != bell, "and rings when it has");
  uint64_t cpu_ns = host.slot->cpu_ns;
  ok(cpu_ns > 0, "what it used so far is in the slot");
  nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
  is(host.slot->state & 7, TURNO_SLOT_STOPPED, "stays stopped for as long as it would have had CPU time");
  host_want(&host, TURNO_WANTED_RUN);
  ok(host_result(&host, &report), "goes on and ends");
  is(report.limit, TURNO_LIMIT_CPU, "at its own CPU limit");
  /* Without the stop it would have had its 100 ms in the first third of the pause: no exact bound is needed to see it. */
  ok(report.cpu_ns < 200000000, "of which it used no more for having been stopped (%.1f ms)", report.cpu_ns / 1e6);
  ok(report.waited_ns >= 300000000, "the pause is told as waiting (%.1f ms)", report.waited_ns / 1e6);
  ok(report.wall_ns < 400000000, "and is no part of its wall time, of which its CPU time is (%.1f ms)", report.wall_ns / 1e6);
  is(host.turns->lanes[0], 0, "the lane is given back");
  is(host.slot->lane, 0, "in the slot too");

  host_send(&host, &wish, streams);
  ok(becomes(TURNO_SLOT_WAITING), "the next waits again");
  host_want(&host, TURNO_WANTED_KILL);
  host_result(&host, &report);
  is(report.limit, TURNO_LIMIT_CANCELLED, "cancelled before it ran");
  is(report.cpu_ns, 0, "it has used nothing");
  host.slot->lane = claim_of_next_run();
  host.turns->lanes[0] = 7;
  host_send(&host, &wish, streams);
  host_want(&host, TURNO_WANTED_RUN);
  becomes(TURNO_SLOT_RUNNING);
  host_want(&host, TURNO_WANTED_KILL);
  host_result(&host, &report);
  is(report.limit, TURNO_LIMIT_CANCELLED, "cancelled while it ran");
  is(host.turns->lanes[0], 7, "a lane that has passed to another slot is left alone");
  host.slot->lane = host.turns->lanes[0] = 2u << TURNO_CLAIM_RUN_SHIFT | 1;
  host_send(&host, &wish, streams);
  host_want(&host, TURNO_WANTED_KILL);
  host_result(&host, &report);
  is(host.turns->lanes[0], 2u << TURNO_CLAIM_RUN_SHIFT | 1, "and so is a claim of another run of this slot");
  host.slot->lane = host.turns->lanes[0] = 0;
  host.turns->waiters = 0;
  for (int i = 0; i < 3; i++) close(streams[i]);
  close(program);
}

static uint32_t state_now(void) { return __atomic_load_n(&host.slot->state, __ATOMIC_SEQ_CST) & 7; }

/*
 * Stops a run the moment it may begin, which mostly is before its program has executed, and has it go on. True: it was stopped, and
 * had written nothing.
 */
static bool stopped_at_once(int program, struct turno_cell_report *report) {
  int streams[3] = {memory_file(""), memory_file(""), memory_file("")};
  struct file executable = {"xprogram", program};
  struct stat status;
  host_send(&host, &(struct wish){.path = "/exe/program", .in_files = &executable, .in_count = 1, .held = true}, streams);
  becomes(TURNO_SLOT_WAITING);
  host_want(&host, TURNO_WANTED_RUN);
  while (state_now() == TURNO_SLOT_WAITING) continue;
  host_want(&host, TURNO_WANTED_WAIT);
  while (state_now() == TURNO_SLOT_RUNNING) sched_yield();
  const bool stopped = state_now() == TURNO_SLOT_STOPPED;
  fstat(streams[1], &status);
  host_want(&host, TURNO_WANTED_RUN);
  if (!host_result(&host, report)) report->kind = 0;
  for (int i = 0; i < 3; i++) close(streams[i]);
  return stopped && status.st_size == 0;
}

static void turns_before_exec(void) {
  int script = memory_file("#!/no/such/interpreter\n"), stopped = 0, right = 0, refused = 0;
  int program = compiled("#include <unistd.h>\nint main(){write(1,\"runs\",4);return 5;}");
  for (int i = 0; i < 20; i++) {
    struct turno_cell_report report;
    stopped += stopped_at_once(program, &report);
    right += report.kind == TURNO_REPORT_RESULT && report.end == TURNO_END_EXITED && report.code == 5 && report.stdout_bytes == 4;
    stopped += stopped_at_once(script, &report);
    refused += report.kind == TURNO_REPORT_RESULT && report.end == TURNO_END_EXITED && report.code == 126;
  }
  is(right, 20, "a program that is stopped at once (before it had begun: %d of 40) goes on and ends as it would have", stopped);
  is(refused, 20, "and one that cannot be executed is told as ever");
  close(program), close(script);
}

/* The kernel kills whom it finds in a full group with all that share its memory, and that is PID 1 until the exec. */
static void too_little_to_begin(void) {
  for (uint64_t bytes = 4096; bytes <= 1 << 20; bytes *= 4) {
    int streams[3] = {memory_file(""), memory_file(""), memory_file("")};
    struct turno_cell_report report;
    host_send(&host, &(struct wish){.path = "/bin/true", .memory_bytes = bytes}, streams);
    ok(host_result(&host, &report), "with %llu bytes of memory there is an answer", (unsigned long long)bytes);
    for (int i = 0; i < 3; i++) close(streams[i]);
    if (report.kind == TURNO_REPORT_RESULT) continue;
    host_end(&host);
    host_start(&host, backend(), NULL);
  }
}

static bool no_groups_left(void) {
  char command[128];
  snprintf(command, sizeof command, "test -z \"$(find /sys/fs/cgroup -name 'turno-test-%d' 2>/dev/null)\"", getpid());
  return system(command) == 0;
}

/* SIGUSR1 as the server hands it on: rings PID 1, and waits until it has taken the signal and sleeps again. */
static void hand_on(void) {
  sigqueue((pid_t)host.slot->cell_pid, SIGRTMIN + 1, (union sigval){0});
  char path[64], status[4096];
  snprintf(path, sizeof path, "/proc/%d/status", (int)host.slot->cell_pid);
  for (bool busy = true; busy;) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, status, sizeof status - 1);
    close(file);
    status[length > 0 ? length : 0] = '\0';
    const char *at = strstr(status, "ShdPnd:");
    busy = at && (strtoull(at + 7, NULL, 16) & UINT64_C(1) << SIGRTMIN || !strstr(status, "State:\tS"));
  }
}

static int end_after_signal(uint32_t flags) {
  int in[2], out[2], errors = memory_file("");
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) abort();
  const char *arguments[] = {"sh", "-c", "echo; read line; exit 3", NULL};
  host_send(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .flags = flags}, (int[]){in[0], out[1], errors});
  char byte;
  if (read(out[0], &byte, 1) != 1) abort();
  hand_on();
  if (flags & TURNO_RUN_TOOL && write(in[1], "\n", 1) != 1) abort();
  struct turno_cell_report report = {0};
  host_result(&host, &report);
  for (int i = 0; i < 2; i++) close(in[i]), close(out[i]);
  close(errors);
  return report.code;
}

static void signals(void) {
  is(end_after_signal(0), SIGUSR1, "SIGUSR1 for programs reaches a program");
  is(end_after_signal(TURNO_RUN_TOOL), 3, "and no compiler or checker");
}

static void errors_and_ends(void) {
  struct outcome *o = host_run(&host, &(struct wish){.path = "/usr/bin/no-such-compiler"});
  is(o->report.kind, TURNO_REPORT_ERROR, "a path that does not exist is the cell's failure, not 127");
  is(o->report.errno_, ENOENT, "with its errno");
  ok(strstr((char *)o->report.detail, "no-such-compiler"), "and what it was about");
  struct turno_cell_report report;
  ok(!host_result(&host, &report), "then the cell ends");
  is(host_end(&host), 1, "with a status");

  host_start(&host, backend(), NULL);
  int streams[3] = {memory_file(""), memory_file(""), memory_file("")};
  const char *arguments[] = {"sh", "-c", "sleep 100 & sleep 100", NULL};
  host_send(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .wall_ms = 100000}, streams);
  ok(becomes(TURNO_SLOT_RUNNING), "a run is under way");
  is(host_end(&host), 0, "closing the control socket ends everything");
  ok(no_groups_left(), "no control group is left");

  host_start(&host, backend(), NULL);
  host_send(&host, &(struct wish){.path = "/bin/sh", .arguments = arguments, .wall_ms = 100000}, streams);
  becomes(TURNO_SLOT_RUNNING);
  kill((pid_t)host.hello.pid, SIGKILL);
  ok(!host_result(&host, &report), "PID 1 killed from outside: the host sees the end of the socket");
  is(host_end(&host), 1, "the keeper cleans up");
  host_start(&host, backend(), NULL);
  kill(host.keeper, SIGTERM);
  ok(!host_result(&host, &report), "SIGTERM to the keeper ends the cell");
  host_end(&host);
  ok(no_groups_left(), "still no control group is left");
  for (int i = 0; i < 3; i++) close(streams[i]);
}

static void refuses(const char *what, void (*spoil)(struct turno_cell_request *)) {
  host_start(&host, backend(), NULL);
  struct turno_cell_request request = {.magic = TURNO_CELL_MAGIC, .kind = TURNO_REQUEST_RUN, .run = 1, .payload_bytes = 4, .argc = 1,
                                       .processes = 1, .open_files = 9, .cpu_ns = 1, .wall_ns = 1, .memory_bytes = 1 << 20};
  struct turno_cell_report report;
  spoil(&request);
  /* In one call: the cell ends as soon as it has seen what is wrong. */
  const struct iovec parts[] = {{&request, sizeof request}, {"a\0a", 4}};
  ok(writev(host.control, parts, 2) == sizeof request + 4 && host_result(&host, &report) && report.kind == TURNO_REPORT_ERROR &&
         report.step == 13,
     "a request with %s is refused", what);
  host_end(&host);
}

static void spoil_magic(struct turno_cell_request *request) { request->magic++; }
static void spoil_run(struct turno_cell_request *request) { request->run = 0; }
static void spoil_flags(struct turno_cell_request *request) { request->flags = 1 << 30; }
static void spoil_payload(struct turno_cell_request *request) { request->payload_bytes = 1 << 30; }
static void spoil_counts(struct turno_cell_request *request) { request->in_count = 65535; }
static void spoil_limit(struct turno_cell_request *request) { request->cpu_ns = 0; }
static void spoil_nothing(struct turno_cell_request *request) { (void)request; }

static void bad_requests(void) {
  refuses("another magic", spoil_magic);
  refuses("run number 0", spoil_run);
  refuses("an unknown flag", spoil_flags);
  refuses("a payload of 1 GiB", spoil_payload);
  refuses("65,535 files", spoil_counts);
  refuses("a limit of 0", spoil_limit);
  refuses("no descriptors", spoil_nothing);
}

static void bad_arguments(void) {
  static const char *const unknown[] = {"--frobnicate", "1", NULL}, *const mount[] = {"--mount", "/no/such/path", NULL};
  ok(!host_try(&host, backend(), unknown) && host.hello.kind == TURNO_REPORT_ERROR, "an unknown argument is an error report");
  host_end(&host);
  ok(!host_try(&host, backend(), mount) && strstr((char *)host.hello.detail, "/no/such/path"), "a missing mount is named");
  host_end(&host);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  if (getenv("TURNO_SLOW")) slow = atof(getenv("TURNO_SLOW"));
  host_start(&host, backend(), NULL);
  has_groups = host.hello.backend & (TURNO_BACKEND_CGROUP_V1 | TURNO_BACKEND_CGROUP_V2);
  printf("# backend %s: %x\n", backend(), host.hello.backend);
  is(host.hello.signature, TURNO_CELL_SIGNATURE, "the hello carries the signature of the layout");
  is(host.hello.pid, host.slot->cell_pid, "and the pid for the doorbell, as the slot does");
  static void (*const groups[])(void) = {ends,        reasons,     executables, cpu_limit,  wall_limit,       memory_limit, address_space, stale_alarm,
                                         process_limit, output_limit, output_nobody_reads, file_limits, in_and_out, nothing_survives, turns,      signals,
                                         turns_before_exec, too_little_to_begin};
  for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
    groups[i]();
    promises_hello();
  }
  errors_and_ends();
  bad_requests();
  bad_arguments();
  return tap_end();
}
