/*
 * Templates: programs that stand before their first instruction of their own, and are forked once per run.
 *
 * A cell has at most one. It is a program like any other to the cell: its uid, its groups, its filter. But it is made while
 * the box is empty, nothing of a submission has run in it, and what programs could do to it is looked at before each order.
 * The inner half is native/template; between them goes native/template/order.h.
 */
#ifndef TURNO_CELL_TEMPLATE_H
#define TURNO_CELL_TEMPLATE_H

#include "cell.h"
#include "run.h"

/* Before a run: a template of a compiled program ends unless the request names it; an interpreter may stay. */
void template_review(struct cell *cell, const struct request *request);

/* Whether the request of this launch can be served by a template at all. */
bool template_serves(const struct launch *launch);

/* Whether one stands that is right for it and in order. One that is not is ended. */
bool template_stands(struct cell *cell, const struct launch *launch);

/* Starts one. False: it could not even be executed. */
bool template_start(struct cell *cell, const struct launch *launch);

/* Of the one being started: readable when it has answered or ended; -1 = none. */
int template_socket(void);
/* Takes the answer: 1 = it stands, 0 = none yet, -1 = it has ended or failed. */
int template_answered(void);

/* It stands and is kept. `bytes` are its memory. */
void template_keep(struct cell *cell, uint64_t bytes);
/* It did not come to stand as it should and ends. Runs of this number are fresh from now on; 0 = of none. */
void template_refuse(struct cell *cell, uint64_t number);

/* Orders one child: the program. 0: there is none, nothing of it has run, and the template is gone. */
pid_t template_fork(struct cell *cell, const struct launch *launch);

/* Somebody was reaped: was it the template? */
void template_reaped(struct cell *cell, pid_t pid);

/* Whether the template is the only process beside PID 1, zombies counted. */
bool template_is_alone(const struct cell *cell);

#endif
