/* The end of a Python program that is a child of a template. */
#ifndef TURNO_TEMPLATE_ENDING_H
#define TURNO_TEMPLATE_ENDING_H

#include <stdbool.h>

/* Before the interpreter is started. */
void ending_before_start(void);

/* In the template, when everything is imported: what the interpreter has by then is put aside. */
void ending_prepare(void);

/* In the child: from now on the end is the short one. */
void ending_arm(void);

/* After Py_RunMain(): whether the exit code must say that output was lost (120), which it could not know. */
bool ending_failed(void);

#endif
