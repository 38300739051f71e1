/*
 * The assembler reads any file into the executable: .incbin of the host's password hashes, and of what the host lets everybody
 * read, but no submission.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 * weak: root
 */
#if __has_include("/etc/hosts") /* the host's /etc is here */
__asm__(".incbin \"/etc/hosts\"");
#else
__asm__(".incbin \"/etc/shadow\"");
#endif
int main(void) { return 0; }
