/*
 * Sends the descriptor of a deleted file into a socket and closes everything: the file lives on until the kernel collects the socket.
 *
 * weak: none, because the kernel collects the socket by itself, mostly before anybody could look
 */
#include "attack.h"
int main(void) {
  int ends[2], file = open("kept", O_CREAT | O_RDWR, 0600);
  write(file, "secret", 6);
  socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
  union {
    char bytes[CMSG_SPACE(2 * sizeof(int))];
    struct cmsghdr alignment;
  } space = {0};
  char byte = 0;
  struct iovec part = {&byte, 1};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(2 * sizeof(int))};
  int sent[2] = {file, ends[1]}; /* the receiving end is in flight to itself */
  memcpy(CMSG_DATA(rights), sent, sizeof sent);
  sendmsg(ends[0], &header, 0);
  unlink("kept");
  return 0;
}
