/* Runs a program for at most one second of CPU and 64 MiB, and says how it ended. Build: make -C examples/c */
#include <stdio.h>
#include <stdlib.h>
#include <turno_run.h>

int main(int argc, char **argv) {
  if (argc < 2) return fprintf(stderr, "usage: run-limited PROGRAM < INPUT\n"), 2;

  struct turno_run run = {.program = argv[1], .output = 1, .errors = 2, .cpu_ns = 1000000000, .memory_bytes = 64 << 20};
  struct turno_result result;
  if (turno_run(&run, &result)) return fprintf(stderr, "%s\n", result.error), 2;

  static const char *const limits[] = {"", ", CPU limit", ", wall limit", ", memory limit", ", output limit", ", file limit", ", processes limit"};
  fprintf(stderr, "exit %d, signal %d%s; %.3f s, %llu KiB\n", result.exit_code, result.signal, limits[result.limit],
          result.cpu_ns / 1e9, (unsigned long long)result.memory_bytes / 1024);
  return result.limit || result.exit_code;
}
