/*
 * Dies of a real-time signal, which some event loops report as exit 0.
 *
 * expect: signal 41
 */
#include "attack.h"
int main(void) { raise(SIGRTMIN + 7); }
