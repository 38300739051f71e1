/* How a program is to start. */
#ifndef TURNO_CELL_BEGIN_H
#define TURNO_CELL_BEGIN_H

#include "outcome.h"
#include "run.h"

/* Opens what the program of the request gets; closed by begin_close(). */
struct launch begin_prepare(struct run *run, const struct request *request, int *input);

void begin_close(const struct request *request, const struct launch *launch, int input);

/* A start that failed: the program's fault, or turno's; then it does not return. */
void begin_judge_failure(struct run *run, const struct request *request, const struct launch *launch);

#endif
