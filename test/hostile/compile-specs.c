/*
 * Options of the compiler from inside a submission: a specs file would have it run any command, a plug-in any code, a response
 * file any option. Files of every name the compiler or its parts could look for lie in its directory, executable and none of
 * them what it should be: had one been read or run, nothing would compile. The source asks for them, too.
 *
 * compile: inside
 * plant: specs @main.c -specs=specs cc1 as ld collect2 lto-wrapper liblto_plugin.so plugin.so libc.a libgcc.a crt1.o stdio.h
 * expect: exit 0
 * limits: cpu=3000 wall=6000 memory=256
 * weak: environment
 */
#include <stdio.h>
#pragma GCC optimize("-specs=specs", "@main.c", "-fplugin=./plugin.so", "-B.", "-wrapper ./cc1")
__attribute__((optimize("-specs=/box/specs"))) int main(void) { return puts("compiled") < 0; }
