/*
 * Another submission that ran in the same cell before: what it left in files, in the memory of processes and behind sockets.
 * This is run twice, and the second run looks for what the first has left.
 *
 * times: 2
 * weak: wipe
 */
#include "attack.h"
static const char *const files[] = {"/box/of-earlier", "/tmp/of-earlier", "/dev/shm/of-earlier"};
static struct sockaddr_un address = {AF_UNIX, "\0turno-earlier"}, named = {AF_UNIX, "/tmp/earlier.socket"};
#define ADDRESS_LENGTH (sizeof(sa_family_t) + 14)

static void look(void) {
  for (int i = 0; i < 3; i++) REFUSED(open(files[i], O_RDONLY));
  REFUSED(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, ADDRESS_LENGTH));
  REFUSED(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&named, sizeof named));
  REFUSED(syscall(SYS_shmget, 77, 4096, 0666));
}

static void leave(void) {
  for (int i = 0; i < 3; i++) write(open(files[i], O_CREAT | O_WRONLY, 0666), "secret", 6);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(listener, (void *)&address, ADDRESS_LENGTH);
  listen(listener, 1);
  bind(second, (void *)&named, sizeof named);
  listen(second, 1);
  syscall(SYS_shmget, 77, 4096, 01666);
  if (fork() == 0) {
    setsid();
    for (;;) pause();
  }
}

int main(void) {
  look();
  leave();
  return 0;
}
