/*
 * AF_VSOCK leads from a virtual machine to its host, and to its siblings, past every network namespace.
 *
 * weak: filter
 * needs: /dev/vsock
 */
#include "attack.h"
#include <linux/vm_sockets.h>
int main(void) {
  REFUSED(open("/dev/vsock", O_RDONLY));
  for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
    int file = socket(AF_VSOCK, type, 0);
    REFUSED(file);
    struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = 1024};
    REFUSED(connect(file, (void *)&host, sizeof host));
  }
  return 0;
}
