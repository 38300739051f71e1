/* Guesses once and goes. */
#include <stdio.h>

int main(void) {
  puts("2");
  return 0;
}
