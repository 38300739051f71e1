/*
 * One program that behaves as the words of its stdin say, one after the other:
 *
 *     burn MS       uses that much CPU time         sleep MS      sleeps
 *     threads N     the rest of the words is done by N threads at once; children N the same by child processes
 *     setsid        in a session of its own         wake          a child sends SIGCONT to everybody from now on
 *     deaf          ignores SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT and all else it may ignore
 *
 * While it burns it keeps its CPU time, as the kernel tells it for the process, at the start of its stdout: in ns, 20 digits.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char script[1024];

static uint64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void burn(uint64_t ns) {
  const uint64_t end_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;
  for (uint64_t told_ns = 0, now_ns; (now_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID)) < end_ns;) {
    if (now_ns - told_ns < 200000) continue;
    char text[32];
    int length = snprintf(text, sizeof text, "%020llu\n", (unsigned long long)clock_ns(CLOCK_PROCESS_CPUTIME_ID));
    if (pwrite(1, text, (size_t)length, 0) != length) abort();
    told_ns = now_ns;
  }
}

static void sleep_for(uint64_t ns) {
  struct timespec left = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
  while (nanosleep(&left, &left)) continue;
}

static void deaf(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
}

static void wake(void) {
  if (fork() == 0) {
    for (;;) kill(-1, SIGCONT);
  }
}

static void *behave(void *argument);

static void in_threads(long count, char *rest) {
  pthread_t threads[16];
  for (long i = 0; i < count; i++) pthread_create(&threads[i], NULL, behave, rest);
  for (long i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void in_children(long count, char *rest) {
  for (long i = 0; i < count; i++) {
    if (fork() == 0) {
      behave(rest);
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
}

static void *behave(void *argument) {
  char word[16];
  unsigned long number;
  int length;
  for (char *at = argument; sscanf(at, " %15s%n", word, &length) == 1;) {
    at += length;
    if (!strcmp(word, "setsid")) setsid();
    else if (!strcmp(word, "deaf")) deaf();
    else if (!strcmp(word, "wake")) wake();
    else {
      if (sscanf(at, " %lu%n", &number, &length) != 1) abort();
      at += length;
      if (!strcmp(word, "burn")) burn(number * 1000000u);
      else if (!strcmp(word, "sleep")) sleep_for(number * 1000000u);
      else if (!strcmp(word, "threads")) return in_threads((long)number, at), NULL;
      else if (!strcmp(word, "children")) return in_children((long)number, at), NULL;
      else abort();
    }
  }
  return NULL;
}

int main(void) {
  if (fread(script, 1, sizeof script - 1, stdin) == 0) return 2;
  behave(script);
  return 0;
}
