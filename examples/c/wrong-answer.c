/* Wrong answer: an int is too small for the sum of the second test. */
#include <stdio.h>

int main(void) {
  unsigned sum = 0, number;
  while (scanf("%u", &number) == 1) sum += number;
  printf("%u\n", sum);
  return 0;
}
