#include <algorithm>
#include <cstdio>
#include <vector>

int main() {
  int n;
  long long s;
  if (std::scanf("%d %lld", &n, &s) != 2) return 1;
  std::vector<long long> a(n);
  for (auto &value : a) std::scanf("%lld", &value);
  std::sort(a.begin(), a.end());
  long long pairs = 0;
  for (int low = 0, high = n - 1; low < high;) {
    const long long sum = a[low] + a[high];
    if (sum < s) low++;
    else if (sum > s) high--;
    else if (a[low] == a[high]) {
      const long long count = high - low + 1;
      pairs += count * (count - 1) / 2;
      break;
    } else {
      long long left = 1, right = 1;
      while (a[low + left] == a[low]) left++;
      while (a[high - right] == a[high]) right++;
      pairs += left * right;
      low += static_cast<int>(left);
      high -= static_cast<int>(right);
    }
  }
  std::printf("%lld\n", pairs);
}
