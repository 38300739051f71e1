/* A cell without a sandbox: its limits, its clean-up, and that it hurts nobody but its own. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"
#include "tap.h"

static struct host host;

static struct outcome *run_program(const char *source, struct wish wish) { return host_program(&host, source, wish); }

static struct outcome *shell(const char *script) {
  const char *const environment[] = {"HOME=/box", "TMPDIR=/tmp", "PATH=/usr/bin:/bin", NULL};
  return host_shell(&host, script, environment);
}

int main(void) {
  /* If the limit of processes should not hold, the bomb below must not take the machine with it. */
  setrlimit(RLIMIT_NPROC, &(struct rlimit){400, 400});
  pid_t stranger = fork();
  if (stranger == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  host_start(&host, "unsafe", NULL);
  ok(host.hello.backend & TURNO_BACKEND_UNSAFE, "the hello says that there is no sandbox");
  ok(!(host.hello.backend & (TURNO_BACKEND_SECCOMP | TURNO_BACKEND_PID_NAMESPACE)), "and promises nothing else");
  ok(geteuid() != 0 || host.hello.backend & TURNO_BACKEND_SEPARATE_UID, "as root programs have an id of their own");
  struct outcome *o = shell("pwd; cat; test $PWD = $HOME; echo $?; touch $TMPDIR/x; id -u");
  ok(strstr(o->out, "/tmp/turno-cell-") == o->out, "the working directory is one of the cell's own");
  ok(strstr(o->out, "\n0\n"), "HOME is translated");
  o = shell("ls -A . $TMPDIR | grep -v :");
  is((int)o->out_bytes, 1, "files of the run before are gone (an empty line is left)");
  o = run_program("int main(){for(;;);}", (struct wish){.cpu_ms = 100});
  is(o->report.limit, TURNO_LIMIT_CPU, "the CPU limit is kept");
  o = run_program("#include <unistd.h>\nint main(){sleep(9);}", (struct wish){.wall_ms = 100});
  is(o->report.limit, TURNO_LIMIT_WALL, "and the wall limit");
  o = run_program("#include <stdlib.h>\n#include <string.h>\nint main(){for(;;){char*p=malloc(1<<20);if(!p)abort();memset(p,1,1<<20);}}",
                  (struct wish){.memory_bytes = 32 << 20});
  is(o->report.code, SIGABRT, "malloc returns NULL at the memory limit");
  o = run_program("#include <unistd.h>\nint main(){for(;;)fork();}", (struct wish){.processes = 20, .wall_ms = 1000, .cpu_ms = 500});
  ok(o->report.limit, "a fork bomb reaches a limit");
  /* Under a name of its own: this cell sees all processes of the machine, those of other cells too. */
  char source[512], look[128];
  snprintf(source, sizeof source,
           "#include <unistd.h>\n#include <signal.h>\nint main(){if(fork())return 0;setsid();if(fork())_exit(0);"
           "for(int i=1;i<32;i++)signal(i,SIG_IGN);execl(\"/bin/sleep\",\"turno-daemon-%d\",\"1000\",NULL);}", getpid());
  snprintf(look, sizeof look, "ps -eo args | grep -c '^[t]urno-daemon-%d '", getpid());
  o = run_program(source, (struct wish){0});
  is(o->report.code, 0, "who leaves a daemon behind has ended");
  o = shell(look);
  ok(!strcmp(o->out, "0\n"), "and the daemon is gone, with everybody else");
  o = run_program("#include <unistd.h>\nint main(){if(!fork())for(;;);sleep(9);}", (struct wish){.wall_ms = 100});
  is(o->report.limit, TURNO_LIMIT_WALL, "children end with the run");
  const char *arguments[] = {"yes", NULL};
  struct turno_cell_report report;
  int ends[2];
  if (pipe(ends)) exit(99);
  close(ends[0]);
  int streams[3] = {memory_file(""), ends[1], memory_file("")};
  host_send(&host, &(struct wish){.path = "/usr/bin/yes", .arguments = arguments, .flags = TURNO_RUN_PIPE_OUTPUT}, streams);
  for (int i = 0; i < 3; i++) close(streams[i]);
  ok(host_result(&host, &report) && report.code == SIGPIPE, "a program whose output nobody reads any more is ended by SIGPIPE, and not the cell");
  ok(waitpid(stranger, NULL, WNOHANG) == 0, "a process that is none of the cell's lives on");
  o = shell("echo hello");
  ok(!strcmp(o->out, "hello\n"), "and the cell goes on");
  host_end(&host);
  kill(stranger, SIGKILL);
  return tap_end();
}
