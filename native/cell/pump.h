/* Output through pipes, with an exact limit. */
#ifndef TURNO_CELL_PUMP_H
#define TURNO_CELL_PUMP_H

#include <stdbool.h>
#include <stdint.h>

struct pump {
  int from;       /* read end, non-blocking; -1 = closed or none */
  int to;         /* the host's descriptor */
  uint64_t bytes; /* handed on so far */
  uint64_t most;
  bool over;      /* the program wrote more than `most` */
};

/* Makes a pipe whose other end, the program's, is returned. */
int pump_open(struct pump *pump, int to, uint64_t most);

/* Hands on what is there. Beyond the limit bytes are counted as over and dropped. */
void pump_move(struct pump *pump);

void pump_close(struct pump *pump);

#endif
