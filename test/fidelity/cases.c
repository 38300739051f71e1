/*
 * Programs whose output and end must not depend on how they were started. One executable, a case is chosen by argv[1]; it is
 * compiled as C and as C++ (that of cases.cpp comes along there). Nothing that changes from start to start is printed: no
 * address, no pid, no time.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

extern char **environ;
static const char *chosen = "";
static int order, constructed_as;

#define CASE(name) if (!strcmp(chosen, name))

__attribute__((constructor(200))) static void second_constructor(void) { constructed_as = constructed_as * 10 + 2; }
__attribute__((constructor(101))) static void first_constructor(int argc, char **argv, char **environment) {
  chosen = argc > 1 ? argv[1] : "";
  constructed_as = 1;
  order = environment == environ || environment[0] == environ[0];
  CASE("constructor-prints") puts("before main");
  CASE("constructor-exits") exit(21);
  CASE("constructor-reads") printf("read %d\n", getchar());
  CASE("constructor-crashes") abort();
  CASE("constructor-allocates") free(malloc(1 << 20));
  CASE("constructor-thread-id") printf("%d\n", getpid() == gettid());
}
__attribute__((destructor)) static void destructor(void) {
  CASE("destructor") puts("after main");
  CASE("destructor-exit-code") _exit(33);
  CASE("atexit") puts("destructor");
}

static void say_one(void) { puts("one"); }
static void say_two(void) { puts("two"); }
static void handler(int number) { printf("signal %d\n", number); }
static void quiet_handler(int number) { order = number; }
__attribute__((noinline)) static long deep(long depth) {
  volatile char frame[256];
  frame[0] = 1;
  return depth == 0 ? 0 : deep(depth - 1) + frame[0];
}
static void *add(void *sum) {
  for (int i = 0; i < 1000; i++) __atomic_add_fetch((long *)sum, 1, __ATOMIC_SEQ_CST);
  return sum;
}
static __thread int own = 7;
static void *own_value(void *unused) {
  (void)unused;
  own++;
  return (void *)(long)own;
}
static pthread_mutex_t robust;
static void *die_holding(void *unused) {
  pthread_mutex_lock(&robust);
  return unused;
}
static void *ends_process(void *unused) {
  (void)unused;
  exit(44);
}
static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static int exits(void) {
  if (!strncmp(chosen, "exit-", 5)) exit(atoi(chosen + 5));
  if (!strncmp(chosen, "return-", 7)) return atoi(chosen + 7);
  if (!strncmp(chosen, "raise-", 6)) {
    printf("buffered, and lost in a crash");
    raise(atoi(chosen + 6));
    return 1;
  }
  CASE("_exit-loses-buffer") {
    printf("lost");
    _exit(3);
  }
  CASE("quick-exit") quick_exit(9);
  CASE("abort") abort();
  CASE("null-pointer") *(volatile int *)NULL = 1;
  CASE("division") {
    volatile int one = 1, zero = 0;
    printf("%d", one / zero);
  }
  CASE("stack-overflow") {
    struct rlimit small = {1 << 20, 1 << 20};
    setrlimit(RLIMIT_STACK, &small);
    printf("%ld\n", deep(1 << 30));
  }
  CASE("illegal") __builtin_trap();
  CASE("pthread-exit") pthread_exit(NULL);
  CASE("thread-exits") {
    pthread_t thread;
    pthread_create(&thread, NULL, ends_process, NULL);
    pthread_join(thread, NULL);
  }
  CASE("child-code") {
    int status;
    if (fork() == 0) _exit(5);
    wait(&status);
    return WEXITSTATUS(status);
  }
  CASE("exec") execl("/bin/sh", "sh", "-c", "echo executed; exit 6", (char *)NULL);
  CASE("killed-by-child") {
    if (fork() == 0) kill(getppid(), SIGTERM), _exit(0);
    for (;;) pause();
  }
  return 0;
}

static void input(void) {
  char line[256];
  long count = 0;
  int c, a, b;
  CASE("stdin-echo") while ((c = getchar()) != EOF) putchar(c);
  CASE("stdin-count") {
    while (getchar() != EOF) count++;
    printf("%ld %d %d\n", count, feof(stdin) != 0, ferror(stdin));
  }
  CASE("stdin-lines") while (fgets(line, sizeof line, stdin)) printf("%zu:%s", strlen(line), line);
  CASE("stdin-scanf") while (scanf("%d %d", &a, &b) == 2) printf("%d\n", a + b);
  CASE("stdin-read") {
    for (ssize_t got; (got = read(0, line, 100)) > 0;) count += got;
    printf("%ld\n", count);
  }
  CASE("stdin-seek") {
    if (fgets(line, sizeof line, stdin)) fputs(line, stdout);
    rewind(stdin);
    if (fgets(line, sizeof line, stdin)) fputs(line, stdout);
  }
  CASE("stdin-position") {
    if (fgets(line, sizeof line, stdin)) fputs(line, stdout);
    fflush(stdin);
    printf("%ld\n", (long)lseek(0, 0, SEEK_CUR));
  }
  CASE("stdin-child-shares") {
    setvbuf(stdin, NULL, _IONBF, 0);
    fgets(line, sizeof line, stdin);
    fflush(stdout);
    if (fork() == 0) execl("/bin/cat", "cat", (char *)NULL);
    wait(NULL);
  }
  CASE("stdin-closed") {
    fclose(stdin);
    printf("%d\n", open("/dev/null", O_RDONLY));
  }
  CASE("stdin-getline") {
    char *text = NULL;
    size_t size = 0;
    while (getline(&text, &size, stdin) > 0) count++;
    printf("%ld\n", count);
    free(text);
  }
  CASE("stdin-mapped") {
    struct stat status;
    fstat(0, &status);
    const char *text = (const char *)mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, 0, 0);
    fwrite(text, 1, (size_t)status.st_size, stdout);
  }
}

static void output(void) {
  CASE("stderr-order") {
    printf("out ");
    fprintf(stderr, "err1 ");
    fflush(stdout);
    fprintf(stderr, "err2\n");
  }
  CASE("buffer-in-child") {
    printf("twice ");
    if (fork() == 0) exit(0);
    wait(NULL);
  }
  CASE("big-output") for (int i = 0; i < 100000; i++) printf("%d\n", i);
  CASE("unbuffered") {
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("now");
    _exit(2);
  }
  CASE("line-buffered") {
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("line\nlost");
    _exit(2);
  }
  CASE("binary-output") for (int i = 0; i < 512; i++) putchar(i & 255);
  CASE("write-and-printf") {
    printf("second\n");
    if (write(1, "first\n", 6) != 6) exit(1);
  }
  CASE("stdout-closed") {
    fclose(stdout);
    fprintf(stderr, "%d %d\n", printf("x"), dup(2));
  }
  CASE("stdout-position") {
    printf("12345");
    fflush(stdout);
    fprintf(stderr, "%ld\n", (long)lseek(1, 0, SEEK_CUR));
  }
  CASE("perror") {
    errno = ENOENT;
    perror("message");
  }
  CASE("dev-null") {
    if (freopen("/dev/null", "w", stdout)) puts("gone");
  }
  CASE("file-in-box") {
    FILE *file = fopen("made.txt", "w+");
    fputs("text", file);
    rewind(file);
    printf("%d\n", fgetc(file));
    remove("made.txt");
  }
}

static void surroundings(char **argv) {
  CASE("arguments") {
    for (char **at = argv; *at; at++) puts(*at);
  }
  CASE("environment") {
    for (char **at = environ; *at; at++) puts(*at);
    printf("%s %d\n", getenv("LANG"), getenv("LD_PRELOAD") != NULL);
  }
  CASE("setenv") {
    setenv("ADDED", "1", 1);
    unsetenv("PATH");
    for (char **at = environ; *at; at++) puts(*at);
  }
  CASE("child-environment") {
    fflush(stdout);
    if (fork() == 0) execl("/usr/bin/env", "env", (char *)NULL);
    wait(NULL);
  }
  CASE("locale") {
    const char *name = setlocale(LC_ALL, "");
    printf("%s %zu %d %ls\n", name, MB_CUR_MAX, wcwidth(0x4e2d), L"\u00e9\u4e2d");
  }
  CASE("auxiliary") printf("%lu %lu %d %s\n", getauxval(AT_PAGESZ), getauxval(AT_SECURE), getauxval(AT_RANDOM) != 0, (char *)getauxval(AT_EXECFN) ? "named" : "");
  CASE("auxiliary-behind-environment") {
    char **end = environ;
    while (*end) end++;
    unsigned long *vector = (unsigned long *)(end + 1);
    while (vector[0] != AT_NULL && vector[0] != AT_PAGESZ) vector += 2;
    printf("%lu\n", vector[1]);
  }
  CASE("descriptors") {
    for (int i = 0; i < 64; i++) printf("%d", fcntl(i, F_GETFD) != -1);
    puts("");
  }
  CASE("limits") {
    struct rlimit limit;
    const int asked[] = {RLIMIT_STACK, RLIMIT_CORE, RLIMIT_NOFILE};
    for (int i = 0; i < 3; i++) {
      getrlimit((__rlimit_resource_t)asked[i], &limit);
      printf("%ld %ld\n", (long)limit.rlim_cur, (long)limit.rlim_max);
    }
  }
  CASE("signals") {
    struct sigaction action;
    sigset_t blocked;
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int i = 1; i < 65; i++) {
      if (i == 32 || i == 33 || i == SIGPIPE || i == SIGXFSZ) continue;
      printf("%d%d ", sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_DFL, sigismember(&blocked, i));
    }
  }
  CASE("program-name") printf("%s %s\n", program_invocation_name, program_invocation_short_name);
  CASE("leader") printf("%d %d\n", getpgrp() == getpid() || getpgrp() > 0, getpid() == gettid());
  CASE("umask") printf("%03o\n", umask(0));
  CASE("clock-starts-anew") printf("%d\n", clock() < CLOCKS_PER_SEC);
  CASE("children-of-ones-own") {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("%ld %d %d\n", usage.ru_utime.tv_sec, wait(NULL), errno == ECHILD);
  }
}

static void inside(void) {
  CASE("constructor-order") printf("%d %d\n", constructed_as, order);
  CASE("atexit") {
    atexit(say_one);
    atexit(say_two);
  }
  CASE("at-quick-exit") {
    at_quick_exit(say_one);
    quick_exit(0);
  }
  CASE("signal-handler") {
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    signal(SIGRTMIN, handler);
    raise(SIGRTMIN);
  }
  CASE("signal-to-oneself-by-pid") {
    signal(SIGUSR2, quiet_handler);
    kill(getpid(), SIGUSR2);
    printf("%d\n", order == SIGUSR2);
  }
  CASE("alarm") {
    sigset_t alarm_only, before;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    signal(SIGALRM, handler);
    sigprocmask(SIG_BLOCK, &alarm_only, &before);
    ualarm(1000, 0);
    sigsuspend(&before);
  }
  CASE("deep-recursion") printf("%ld\n", deep(200000));
  CASE("large-array") {
    char *large = (char *)malloc(64 << 20);
    memset(large, 1, 64 << 20);
    printf("%d\n", large[(64 << 20) - 1]);
    free(large);
  }
  CASE("threads") {
    pthread_t threads[8];
    long sum = 0;
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, add, &sum);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    printf("%ld\n", sum);
  }
  CASE("thread-local") {
    pthread_t thread;
    void *value;
    pthread_create(&thread, NULL, own_value, NULL);
    pthread_join(thread, &value);
    printf("%d %ld\n", own, (long)value);
  }
  CASE("robust-mutex") {
    pthread_mutexattr_t kind;
    pthread_t thread;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &kind);
    pthread_create(&thread, NULL, die_holding, NULL);
    pthread_join(thread, NULL);
    printf("%d\n", pthread_mutex_lock(&robust) == EOWNERDEAD);
  }
  CASE("recursive-mutex-knows-its-owner") {
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &kind);
    printf("%d ", pthread_mutex_lock(&mutex));
    printf("%d ", pthread_mutex_lock(&mutex) == EDEADLK);
    if (fork() == 0) printf("%d\n", pthread_mutex_unlock(&mutex) == EPERM), exit(0);
    wait(NULL);
  }
  CASE("sort-and-math") {
    int numbers[] = {5, 3, 9, 1};
    qsort(numbers, 4, sizeof *numbers, by_value);
    printf("%d %d %.10f %.17g %s\n", numbers[0], numbers[3], sin(1), pow(2, 0.5), strerror(ENOMEM));
  }
  CASE("random") {
    srand(42);
    printf("%d %d\n", rand(), rand());
  }
  CASE("strings") {
    char text[64];
    memset(text, 'x', 63);
    text[63] = '\0';
    printf("%zu %zu %d %s\n", strlen(text), strspn(text, "x"), memcmp(text, text + 1, 20), strchr(text, 'y') ? "y" : "-");
  }
  CASE("allocations") {
    size_t sum = 0;
    for (size_t i = 1; i < 3000; i++) {
      char *piece = (char *)malloc(i);
      memset(piece, 1, i);
      sum += (size_t)piece[i - 1];
      if (i % 3) free(piece);
    }
    printf("%zu\n", sum);
  }
}

#ifdef __cplusplus
static void cpp_cases(const char *name);
#endif

int main(int argc, char **argv) {
  (void)argc;
  int code = exits();
  input();
  output();
  surroundings(argv);
  inside();
#ifdef __cplusplus
  cpp_cases(chosen);
#endif
  return code;
}
