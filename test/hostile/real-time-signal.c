/*
 * Dies of a real-time signal, which some event loops report as exit 0.
 *
 * expect: signal 41
 * weak: none, because it attacks no protection but what the report says
 */
#include "attack.h"
int main(void) { raise(SIGRTMIN + 7); }
