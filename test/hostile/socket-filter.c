/*
 * Gives the kernel programs of its own, as filters of sockets: the kernel keeps a copy and compiles them, in memory of nobody's account.
 *
 * weak: filter
 */
#include "attack.h"
#include <linux/filter.h>
int main(void) {
  struct sock_filter answer[] = {BPF_STMT(BPF_RET | BPF_K, ~0u)};
  struct sock_fprog program = {1, answer};
  int pair[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  REFUSED(setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
  REFUSED(setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program));
  return 0;
}
