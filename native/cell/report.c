/*
 * Bad news of the cell itself.
 *
 * Keeper and PID 1 both end through die(). The host sees an error report, then the end of the control socket; a person
 * sees the same sentence on stderr. Nothing of it ever reaches the streams of a program.
 */
#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "retry.h"

static int control_socket = -1;
static void (*before_death)(void);

static const struct {
  const char *text;
  const char *hint;
} steps[] = {
#define STEP(name, text, hint) [STEP_##name] = {text, hint},
    TURNO_STEPS(STEP)
#undef STEP
};

void report_to(int control) { control_socket = control; }

void report_before_death(void (*clean_up)(void)) { before_death = clean_up; }

void report_send(const struct turno_cell_report *report) {
  const char *bytes = (const char *)report;
  size_t sent = 0;
  while (sent < sizeof *report) {
    ssize_t count = RETRY(send(control_socket, bytes + sent, sizeof *report - sent, MSG_NOSIGNAL));
    if (count <= 0) _exit(1);
    sent += (size_t)count;
  }
}

_Noreturn void die(enum step step, uint32_t index, int error, const char *format, ...) {
  struct turno_cell_report report = {
      .magic = TURNO_CELL_MAGIC,
      .kind = TURNO_REPORT_ERROR,
      .step = step,
      .index = index,
      .errno_ = error,
  };
  va_list arguments;
  va_start(arguments, format);
  vsnprintf((char *)report.detail, sizeof report.detail, format, arguments);
  va_end(arguments);

  if (before_death) {
    void (*clean_up)(void) = before_death;
    before_death = NULL; /* a clean-up that fails must not come here again */
    clean_up();
  }
  const char *name = error ? strerrorname_np(error) : NULL;
  fprintf(stderr, "cell: %s failed: %s%s%s%s%s\n", steps[step].text, (char *)report.detail, error ? ": " : "",
          error ? (name ? name : "unknown error") : "", *steps[step].hint ? ". Hint: " : "", steps[step].hint);
  if (control_socket >= 0) report_send(&report);
  _exit(1);
}
