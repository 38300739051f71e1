#include <stdio.h>

int main(void) {
  long secret;
  char newline, more;
  if (scanf("%ld%c", &secret, &newline) != 2 || newline != '\n' || scanf("%c", &more) == 1) {
    puts("expected one integer and a newline");
    return 43;
  }
  if (secret < 1 || secret > 1000000) {
    puts("expected an integer from 1 to 1000000");
    return 43;
  }
  return 42;
}
