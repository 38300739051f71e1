/*
 * Reads a file of the host by including it: the error message would show its lines.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 */
#include "/etc/shadow"
int main(void) { return 0; }
