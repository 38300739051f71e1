/*
 * Lists processes: none but its own.
 *
 * only: two-ids
 * weak: hiding
 */
#include "attack.h"
#include <dirent.h>
int main(void) {
  DIR *list = opendir("/proc");
  int others = 0;
  for (struct dirent *entry; (entry = readdir(list));) {
    int pid = atoi(entry->d_name);
    others += pid > 0 && pid != getpid();
  }
  if (others) breach("processes of others");
  return 0;
}
