/* Output through pipes, with an exact limit. */
#ifndef TURNO_CELL_PUMP_H
#define TURNO_CELL_PUMP_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct pump {
  int from;       /* read end, non-blocking; -1 = closed or none */
  int to;         /* the host's descriptor */
  uint64_t bytes; /* handed on so far */
  uint64_t most;
  bool over;      /* the program wrote more than `most` */
  bool is_file;   /* the host's takes all at once */
  bool waits;     /* for room in the host's */
};

/* Makes a pipe whose other end, the program's, is returned. */
int pump_open(struct pump *pump, int to, uint64_t most);

/* What there has to be news of for pump_move() to have something to do. */
struct pollfd pump_awaits(const struct pump *pump);

/* Hands on what is there and finds room; does not wait for room. Beyond the limit bytes are counted as over and dropped. */
void pump_move(struct pump *pump);

/* Hands on all that is there, when nobody can write any more, and waits for room. */
void pump_drain(struct pump *pump);

void pump_close(struct pump *pump);

#endif
