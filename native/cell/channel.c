/* Questions of PID 1 to its keeper; see channel.h. */
#include "channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "retry.h"

union control_space {
  char bytes[CMSG_SPACE(sizeof(int))];
  struct cmsghdr alignment;
};

int channel_ask(int channel, struct channel_message message, int descriptor) {
  struct iovec part = {.iov_base = &message, .iov_len = sizeof message};
  union control_space space = {0};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
  if (descriptor >= 0) {
    header.msg_control = space.bytes;
    header.msg_controllen = sizeof space.bytes;
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    *rights = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  if (RETRY(sendmsg(channel, &header, MSG_NOSIGNAL)) != (ssize_t)sizeof message) return errno ? errno : EPIPE;
  if (RETRY(recv(channel, &message, sizeof message, 0)) != (ssize_t)sizeof message) return EPIPE;
  return message.error;
}

int channel_take(int channel, struct channel_message *message, int *descriptor) {
  struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
  union control_space space = {0};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space.bytes, .msg_controllen = sizeof space.bytes};
  *descriptor = -1;
  if (RETRY(recvmsg(channel, &header, MSG_CMSG_CLOEXEC)) != (ssize_t)sizeof *message) return 0;
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  if (rights && rights->cmsg_type == SCM_RIGHTS) memcpy(descriptor, CMSG_DATA(rights), sizeof *descriptor);
  return 1;
}

void channel_answer(int channel, const struct channel_message *question, int error) {
  struct channel_message answer = *question;
  answer.error = error;
  if (send(channel, &answer, sizeof answer, MSG_NOSIGNAL) < 0) return; /* PID 1 is gone: its end is seen elsewhere */
}
