/*
 * Starts a program without a sandbox, as anybody would, and says how it ended: "exit N" or "signal N".
 *
 *     bare DIRECTORY STDIN STDOUT STDERR COUNT NAME=VALUE... PATH ARGV0 [ARGUMENT...]      COUNT entries of the environment
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void limit(__rlimit_resource_t resource, rlim_t value) {
  if (setrlimit(resource, &(struct rlimit){value, value})) perror("setrlimit");
}

int main(int argc, char **argv) {
  int status;
  pid_t pid;
  char *environment[64] = {NULL};
  int count = argc > 5 ? atoi(argv[5]) : 64;
  if (count > 63 || argc < count + 8 || chdir(argv[1])) return 99;
  for (int i = 0; i < count; i++) environment[i] = argv[6 + i];
  posix_spawn_file_actions_t streams;
  posix_spawn_file_actions_init(&streams);
  posix_spawn_file_actions_addopen(&streams, 0, argv[2], O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&streams, 1, argv[3], O_RDWR, 0);
  posix_spawn_file_actions_addopen(&streams, 2, argv[4], O_RDWR, 0);
  limit(RLIMIT_STACK, RLIM_INFINITY);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 256);
  umask(022);
  if (posix_spawn(&pid, argv[6 + count], &streams, NULL, argv + 7 + count, environment)) return 98;
  if (waitpid(pid, &status, 0) != pid) return 97;
  printf("%s %d", WIFEXITED(status) ? "exit" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
  return 0;
}
