/*
 * Connects to the abstract UNIX sockets of the host: they belong to the network namespace, not to the file tree.
 *
 * weak: network
 */
#include "attack.h"
int main(void) {
  FILE *list = fopen("/proc/net/unix", "r");
  char line[512];
  int found = 0;
  while (list && fgets(line, sizeof line, list)) found += strchr(line, '@') != NULL;
  if (found) breach("abstract sockets of the host");
  int file = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {AF_UNIX, "\0turno-canary"};
  if (connect(file, (void *)&address, sizeof(sa_family_t) + 13) == 0) breach("the canary's socket");
  return 0;
}
