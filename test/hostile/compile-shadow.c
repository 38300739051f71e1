/*
 * Reads a file of the host by including it: the error message would show its lines.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 * weak: root
 */
#if __has_include("/etc/hosts") /* the host's /etc is here */
static const char read[] = __FILE__;
#else
#include "/etc/shadow"
#endif
int main(void) { return 0; }
