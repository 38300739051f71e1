/*
 * A system call that touches nothing of the library, `errno` neither, and answers with the kernel's own number, negative for an
 * error: for a child that runs in PID 1's memory beside it, and for a template, where the library may not be ready yet and any
 * function of it may be one of the program's own.
 */
#ifndef TURNO_RAW_H
#define TURNO_RAW_H

static inline long raw_call(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
  long result;
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long eighth __asm__("x8") = number;
  register long zeroth __asm__("x0") = a;
  register long first __asm__("x1") = b;
  register long second __asm__("x2") = c;
  register long third __asm__("x3") = d;
  register long fourth __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(zeroth) : "r"(eighth), "r"(first), "r"(second), "r"(third), "r"(fourth) : "memory");
  return zeroth;
#else
#error "system calls are written for x86_64 and aarch64"
#endif
}

#endif
