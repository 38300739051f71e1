/*
 * Has, or gets, a capability.
 *
 * weak: capabilities
 */
#include "attack.h"
#include <linux/capability.h>
int main(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  syscall(SYS_capget, &header, sets);
  if (sets[0].effective | sets[0].permitted | sets[0].inheritable | sets[1].effective | sets[1].permitted) breach("a capability");
  for (int i = 0; i < 41; i++) {
    if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) > 0) breach("a capability in the bounding set");
  }
  return 0;
}
