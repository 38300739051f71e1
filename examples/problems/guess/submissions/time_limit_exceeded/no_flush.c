/* Forgets to flush: both sides wait for each other. */
#include <stdio.h>

int main(void) {
  char answer[16];
  printf("500000\n");
  return scanf("%15s", answer) == 1 ? 0 : 1;
}
