/* Requests as they come from the host, checked. */
#ifndef TURNO_CELL_CONTROL_H
#define TURNO_CELL_CONTROL_H

#include <stdbool.h>

#include "cell.h"

#define MAX_PAYLOAD_BYTES (1u << 20)
#define MAX_STRINGS 8192

struct request {
  struct turno_cell_request fixed;
  const char *path;     /* to execute */
  char **arguments;     /* NULL-terminated */
  char **environment;   /* NULL-terminated */
  char **in_names, **out_names;
  int streams[3];
  int *in_files, *out_files;
};

/*
 * Waits for the next request. Returns NULL at the end of the control socket: the host has gone or wants the cell to end.
 * die()s on a request that breaks the protocol. What it returns is valid until request_close().
 */
struct request *request_receive(const struct cell *cell);

/* Closes every descriptor that came with the request. */
void request_close(struct request *request);

/* True when the host's end of the control socket is closed. */
bool control_ended(const struct cell *cell);

#endif
