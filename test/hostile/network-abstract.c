/*
 * Connects to the abstract UNIX sockets of the host: they belong to the network namespace, not to the file tree. Names of five
 * digits are those the kernel gives: PID 1 has such a one while it has a template.
 *
 * weak: network
 */
#include "attack.h"
int main(void) {
  FILE *list = fopen("/proc/net/unix", "r");
  char line[512];
  int found = 0;
  while (list && fgets(line, sizeof line, list)) {
    const char *name = strchr(line, '@');
    found += name && strspn(name + 1, "0123456789abcdef") != 5;
  }
  if (found) breach("abstract sockets of the host");
  int file = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {AF_UNIX, "\0turno-canary"};
  if (connect(file, (void *)&address, sizeof(sa_family_t) + 13) == 0) breach("the canary's socket");
  return 0;
}
