/* Compile error: a semicolon is missing, and the compiler's words come back. */
#include <stdio.h>

int main(void) {
  puts("hello")
  return 0;
}
