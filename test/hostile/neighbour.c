/*
 * Another submission that runs at the same time in a cell of its own: its box, memory, descriptors and command line by every
 * way that leads there from /proc; its files and sockets by their names.
 *
 * beside: victim
 * weak: proc
 */
#include "attack.h"
#include <dirent.h>
static const char *const files[] = {"/box/of-victim", "/tmp/of-victim", "/dev/shm/of-victim"};
static struct sockaddr_un address = {AF_UNIX, "\0turno-victim"};
#define ADDRESS_LENGTH (sizeof(sa_family_t) + 13)

static void be_victim(void) {
  for (int i = 0; i < 3; i++) write(open(files[i], O_CREAT | O_WRONLY, 0666), "secret", 6);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(listener, (void *)&address, ADDRESS_LENGTH);
  listen(listener, 1);
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}

static void look_at(int pid) {
  static const char *const ways[] = {"root/box/of-victim", "cwd/of-victim", "mem", "environ", "fd/1", "fd/3", "map_files", "ns/mnt"};
  char path[64], text[256] = "";
  snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  int file = open(path, O_RDONLY);
  read(file, text, sizeof text - 1);
  close(file);
  if (!strcmp(text + strlen(text) + 1, "victim")) breach("the victim's command line");
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, ways[i]);
    REFUSED(open(path, O_RDONLY));
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "victim")) be_victim();
  for (int i = 0; i < 3; i++) REFUSED(open(files[i], O_RDONLY));
  REFUSED(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, ADDRESS_LENGTH));
  DIR *list = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(list));) {
    int pid = atoi(entry->d_name);
    if (pid > 0 && pid != getpid()) look_at(pid);
  }
  for (int pid = 1; pid < 4096; pid++) {
    if (pid != getpid()) look_at(pid); /* what is not listed */
  }
  return 0;
}
