/*
 * The channel between PID 1 and its keeper: a pair of SOCK_SEQPACKET sockets, one question at a time.
 *
 * The keeper does the few things that PID 1 may no longer do once it has locked itself down. The messages hold numbers only,
 * so whoever took over PID 1 could ask for nothing but a larger box.
 */
#ifndef TURNO_CELL_CHANNEL_H
#define TURNO_CELL_CHANNEL_H

#include <stdint.h>

enum question {
  ASK_MAP_IDS = 1,  /* write uid_map and gid_map of PID 1's user namespace */
  ASK_KEEP_STORE,   /* a descriptor comes along: the file system context of the store */
  ASK_STORE_SIZE    /* bytes, inodes: how large the store is from now on */
};

struct channel_message {
  uint32_t question;
  int32_t error; /* in the answer: 0 or errno */
  uint64_t bytes;
  uint64_t inodes;
};

/* Asks the keeper and waits for its answer; `descriptor` is sent along unless it is -1. Returns 0 or an errno. */
int channel_ask(int channel, struct channel_message message, int descriptor);

/* The keeper's side: takes one question. Returns 0 at the end of the channel. */
int channel_take(int channel, struct channel_message *message, int *descriptor);
void channel_answer(int channel, const struct channel_message *question, int error);

#endif
