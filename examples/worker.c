/*
 * A program to watch turns with: `turno shell`, then `exec ./worker 100` a few times.
 *
 *     cc -O2 -o worker examples/worker.c
 *     ./worker [MILLISECONDS [burn]]
 *
 * It prints a line every MILLISECONDS (default 500) and counts its turns: a turn begins when the program starts and each
 * time it is continued (SIGCONT). With `burn` it computes in between instead of sleeping. SIGUSR1 makes it report and
 * start its counts anew; SIGTERM ends it.
 *
 * All three signals are blocked and fetched with sigtimedwait, so there is no handler and nothing for one to race with.
 * SIGCONT continues a stopped process even while it is blocked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long interval_ms = argc > 1 ? strtol(argv[1], &end, 10) : 500;
    int burns = argc > 2 && strcmp(argv[2], "burn") == 0;
    if (argc > 3 || (argc > 2 && !burns) || (end && *end) || interval_ms < 1 || interval_ms > 3600000) {
        fprintf(stderr, "usage: %s [MILLISECONDS from 1 to 3600000 [burn]]\n", argv[0]);
        return 2;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCONT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0); /* lines come when they are printed, into a pipe or a file too */

    int pid = (int)getpid();
    long turns = 1, lines = 0;
    long long next_ms = now_ms() + interval_ms;
    for (;;) {
        long long left_ms = burns ? 0 : next_ms - now_ms();
        struct timespec wait = { 0, 0 };
        if (left_ms > 0) {
            wait.tv_sec = left_ms / 1000;
            wait.tv_nsec = left_ms % 1000 * 1000000;
        }
        int got = sigtimedwait(&signals, NULL, &wait);
        if (got == SIGCONT) {
            turns++;
        } else if (got == SIGUSR1) {
            printf("worker %d: %ld turns and %ld lines since the last report\n", pid, turns, lines);
            turns = 1;
            lines = 0;
        } else if (got == SIGTERM) {
            printf("worker %d: ends after %ld turns and %ld lines\n", pid, turns, lines);
            return 0;
        } else if (got < 0 && errno != EAGAIN && errno != EINTR) {
            perror("sigtimedwait");
            return 1;
        } else if (now_ms() >= next_ms) {
            /* A stop ends the wait before SIGCONT is there to be fetched: look again, the line belongs to the new turn. */
            sigset_t pending;
            if (sigpending(&pending) == 0 && sigismember(&pending, SIGCONT)) continue;
            printf("worker %d: turn %ld, line %ld\n", pid, turns, ++lines);
            next_ms = now_ms() + interval_ms; /* from now: what was missed while stopped is not made up for */
        }
    }
}
