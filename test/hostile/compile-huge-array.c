/*
 * An initialised array of 8 GiB in the executable.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 * weak: none, because nothing but the limits would end the compiler
 */
char huge[8ull << 30] = {1};
int main(void) { return huge[0]; }
