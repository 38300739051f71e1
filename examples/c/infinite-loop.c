/* Time limit exceeded: it never reads, and never ends. Others are judged meanwhile. */
int main(void) {
  for (volatile unsigned turns = 0;; turns++) continue;
}
