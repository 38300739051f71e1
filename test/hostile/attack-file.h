/*
 * An attack as its file describes it (the words are explained in attack.h), and what its comment says of how it is to end.
 */
#ifndef TURNO_ATTACK_FILE_H
#define TURNO_ATTACK_FILE_H

#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host.h"

struct attack {
  char name[64], path[512];
  char expect[128], limits[128], turns[32], compile[32], weak[128], only[32];
  char plant[160], times[8], beside[32], template[32], needs[128];
};

#define DEFAULT_OUTPUT_KIB 1024 /* of host_send() */

static void field(const char *text, const char *key, char *value, size_t size) {
  char pattern[40];
  snprintf(pattern, sizeof pattern, "\n * %s: ", key);
  const char *at = strstr(text, pattern);
  value[0] = '\0';
  if (at) snprintf(value, size, "%.*s", (int)strcspn(at + strlen(pattern), "\n"), at + strlen(pattern));
}

static struct attack read_attack(const char *path) {
  struct attack attack = {0};
  char text[4096] = "", copy[512];
  int file = open(path, O_RDONLY);
  if (file < 0 || read(file, text, sizeof text - 1) < 0) exit(99);
  close(file);
  char *end = strstr(text, "*/");
  if (end) *end = '\0';
  snprintf(attack.path, sizeof attack.path, "%s", path);
  snprintf(copy, sizeof copy, "%s", path);
  snprintf(attack.name, sizeof attack.name, "%s", basename(copy));
  attack.name[strlen(attack.name) - 2] = '\0';
  field(text, "expect", attack.expect, sizeof attack.expect);
  field(text, "limits", attack.limits, sizeof attack.limits);
  field(text, "turns", attack.turns, sizeof attack.turns);
  field(text, "compile", attack.compile, sizeof attack.compile);
  field(text, "weak", attack.weak, sizeof attack.weak);
  field(text, "only", attack.only, sizeof attack.only);
  field(text, "plant", attack.plant, sizeof attack.plant);
  field(text, "times", attack.times, sizeof attack.times);
  field(text, "beside", attack.beside, sizeof attack.beside);
  field(text, "template", attack.template, sizeof attack.template);
  field(text, "needs", attack.needs, sizeof attack.needs);
  if (!attack.expect[0]) snprintf(attack.expect, sizeof attack.expect, "exit 0");
  return attack;
}

static uint64_t limit(const struct attack *attack, const char *name) {
  const char *at = strstr(attack->limits, name);
  return at ? strtoull(at + strlen(name) + 1, NULL, 10) : 0;
}

static bool is_inside(const struct attack *attack) { return attack->compile[0] != '\0'; }

static bool leaves_out(const struct attack *attack, const char *protection) { return strstr(attack->weak, protection); }

/* Calls `holds` for each alternative of what is expected until it is true for one. */
typedef bool alternative(const struct attack *attack, const struct turno_cell_report *report, const char *one);

static bool any_expected(const struct attack *attack, const struct turno_cell_report *report, alternative *holds) {
  char wanted[160], *rest = wanted;
  snprintf(wanted, sizeof wanted, "%s", attack->expect);
  for (char *one; (one = rest);) {
    char *next = strstr(one, " or ");
    if (next) *next = '\0';
    rest = next ? next + 4 : NULL;
    if (holds(attack, report, one)) return true;
  }
  return false;
}

static void describe(const struct turno_cell_report *report, char found[32]) {
  static const char *const limits[] = {"none", "cpu", "wall", "memory", "output", "file", "", "cancelled"};
  if (report->kind != TURNO_REPORT_RESULT) snprintf(found, 32, "no result");
  else if (report->limit && report->limit != TURNO_LIMIT_PROCESSES) /* which ends nobody */ snprintf(found, 32, "%s", limits[report->limit]);
  else snprintf(found, 32, "%s %d", report->end == TURNO_END_EXITED ? "exit" : "signal", report->code);
}

static bool is_found(const struct attack *attack, const struct turno_cell_report *report, const char *one) {
  char found[32];
  (void)attack;
  describe(report, found);
  return !strcmp(one, "refused") ? report->kind == TURNO_REPORT_RESULT && strcmp(found, "exit 0") : !strcmp(one, found);
}

static bool ends_as(const struct attack *attack, const struct turno_cell_report *report) {
  char found[32];
  if (any_expected(attack, report, is_found)) return true;
  describe(report, found);
  printf("# expected %s, found %s (cpu %.1f ms, wall %.1f ms, %llu KiB)\n", attack->expect, found, report->cpu_ns / 1e6,
         report->wall_ns / 1e6, (unsigned long long)report->memory_bytes >> 10);
  return false;
}

/* Has used a quarter more than the limit that was to end it. */
static bool is_exceeded(const struct attack *attack, const struct turno_cell_report *report, const char *one) {
  const uint64_t printed = report->stdout_bytes > report->stderr_bytes ? report->stdout_bytes : report->stderr_bytes;
  const uint64_t output = limit(attack, "output") ? limit(attack, "output") : DEFAULT_OUTPUT_KIB;
  uint64_t used = 0, allowed = UINT64_MAX;
  if (!strcmp(one, "cpu")) used = report->cpu_ns, allowed = limit(attack, "cpu") * 1000000;
  else if (!strcmp(one, "wall")) used = report->wall_ns, allowed = limit(attack, "wall") * 1000000;
  else if (!strcmp(one, "memory")) used = report->memory_bytes, allowed = limit(attack, "memory") << 20;
  else if (!strcmp(one, "output")) used = printed, allowed = output << 10;
  return allowed && used > allowed / 4 * 5;
}

#define BOUNDED_MS 3000 /* what bounds itself has done so by then */

/* Half as long again as the limit lasts that was to end it. */
static long patience_ms(const struct attack *attack) {
  if (!leaves_out(attack, "limits")) return 0;
  if (!strstr(attack->expect, "cpu") && !strstr(attack->expect, "wall")) return BOUNDED_MS;
  return (long)limit(attack, strstr(attack->expect, "cpu") ? "cpu" : "wall") * 3 / 2;
}

/* PATH, PATH=VALUE (what the file begins with), or a version. */
static bool kernel_has(const char *needed) {
  char path[128], found[32] = "";
  int wanted[2], present[2];
  struct utsname name;
  if (sscanf(needed, "linux %d.%d", &wanted[0], &wanted[1]) == 2) {
    if (uname(&name) || sscanf(name.release, "%d.%d", &present[0], &present[1]) != 2) return false;
    return present[0] > wanted[0] || (present[0] == wanted[0] && present[1] >= wanted[1]);
  }
  const size_t length = strcspn(needed, "=");
  snprintf(path, sizeof path, "%.*s", (int)length, needed);
  if (!needed[length]) return access(path, F_OK) == 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool is_read = read(file, found, sizeof found - 1) > 0;
  close(file);
  return is_read && !strncmp(found, needed + length + 1, strlen(needed + length + 1));
}

#endif
