/* EINTR in one place, and descriptors that close themselves. */
#ifndef TURNO_CELL_RETRY_H
#define TURNO_CELL_RETRY_H

#include <errno.h>
#include <unistd.h>

#define RETRY(call)                              \
  __extension__({                                \
    __typeof__(call) result_;                    \
    do result_ = (call);                         \
    while (result_ == -1 && errno == EINTR);     \
    result_;                                     \
  })

static inline void close_descriptor(const int *descriptor) {
  if (*descriptor >= 0) close(*descriptor);
}

#define CLOSED_AT_END __attribute__((cleanup(close_descriptor)))

#endif
