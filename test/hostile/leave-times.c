/*
 * Writes a message for the next run into the times of the directories, which stay when they are emptied.
 *
 * times: 2
 * weak: identity, wipe
 */
#include "attack.h"
int main(void) {
  static const char *const directories[] = {"/box", "/tmp", "/dev/shm"};
  const struct timespec message[2] = {{1234567, 89}, {7654321, 98}};
  struct stat status;
  for (int i = 0; i < 3; i++) {
    if (stat(directories[i], &status) || status.st_mtim.tv_sec == 7654321 || status.st_atim.tv_sec == 1234567) breach(directories[i]);
    utimensat(AT_FDCWD, directories[i], message, 0);
  }
  return 0;
}
