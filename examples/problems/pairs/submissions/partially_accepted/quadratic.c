/* Right, and fast enough for the small group only. */
#include <stdio.h>

static long long a[200000];

int main(void) {
  int n;
  long long s, pairs = 0;
  if (scanf("%d %lld", &n, &s) != 2) return 1;
  for (int i = 0; i < n; i++) scanf("%lld", &a[i]);
  for (int i = 0; i < n; i++)
    for (int j = i + 1; j < n; j++) pairs += a[i] + a[j] == s;
  printf("%lld\n", pairs);
  return 0;
}
