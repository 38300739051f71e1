/*
 * Extended attributes survive the emptying of a directory.
 *
 * weak: identity, filter
 * needs: linux 6.6
 */
#include "attack.h"
#include <sys/xattr.h>
int main(void) {
  REFUSED(setxattr("/box", "user.left", "x", 1, 0));
  REFUSED(setxattr("/tmp", "user.left", "x", 1, 0));
  return 0;
}
