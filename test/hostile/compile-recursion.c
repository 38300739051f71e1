/*
 * Includes itself for ever.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 * weak: none, because the compiler ends it itself
 */
#include __FILE__
int main(void) { return 0; }
