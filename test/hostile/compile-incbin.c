/*
 * The assembler reads any file into the executable: .incbin of the host's password hashes.
 *
 * compile: inside
 * expect: refused
 * limits: cpu=3000 wall=6000 memory=256
 */
__asm__(".incbin \"/etc/shadow\"");
int main(void) { return 0; }
