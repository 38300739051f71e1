/*
 * Makes a template of a dynamically linked program: loaded by LD_PRELOAD, and with `-z initfirst` called before every other
 * initialiser, those of the C library and the program's DT_PREINIT_ARRAY included. Libraries are mapped and bound by then,
 * which is most of what a start costs; no instruction of the program has been executed.
 */
#include "stop.h"

__attribute__((constructor)) static void stand(int argc, char **argv, char **environment) {
  (void)argc;
  (void)argv;
  take_out_marks(environment);
  template_stop();
}
