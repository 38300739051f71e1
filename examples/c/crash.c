/* Runtime error: writes through a null pointer and is ended by SIGSEGV. */
#include <stdio.h>

int main(void) {
  volatile int *volatile nowhere = NULL; /* or the compiler would leave the write out */
  puts("this is still printed: stdout is flushed");
  fflush(stdout);
  *nowhere = 1;
  return 0;
}
