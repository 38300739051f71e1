/* Seven digits behind the point, in another notation, on one line: still right. */
#include <math.h>
#include <stdio.h>

int main(void) {
  double ax, ay, bx, by, cx, cy;
  while (scanf("%lf %lf %lf %lf %lf %lf", &ax, &ay, &bx, &by, &cx, &cy) == 6) {
    const double a = hypot(bx - cx, by - cy), b = hypot(ax - cx, ay - cy), c = hypot(ax - bx, ay - by);
    const double area = fabs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2;
    printf("%.9e ", a * b * c / (4 * area));
  }
  return 0;
}
