/*
 * Includes an endless device.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 * weak: none, because nothing but the limits would end the compiler
 */
#include "/dev/zero"
int main(void) { return 0; }
