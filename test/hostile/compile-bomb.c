/*
 * A macro that grows exponentially fills the memory of the compiler.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 * weak: none, because nothing but the limits would end the compiler
 */
#define A(x) x x x x x x x x x x
#define B(x) A(A(A(x)))
#define C(x) B(B(B(x)))
int main(void) { return C(1+) 0; }
