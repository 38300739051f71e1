/* What this machine can offer a cell. */
#ifndef TURNO_CELL_CHECK_H
#define TURNO_CELL_CHECK_H

#include <stdbool.h>

/*
 * Tries each backend with a real cell and prints one JSON object a line:
 *
 *     {"fact": "cgroup v1", "status": "PASS", "found": "...", "costs": "...", "remedy": "...", "command": "..."}
 *
 * `costs` (what is weaker without it), `remedy` (what to do) and `command` (that, for a shell, by root; empty where nothing
 * that can be typed helps) are empty after PASS. Returns 0 when every
 * line is PASS, 1 with a CAUTION, 2 with a FAIL: no cell can be made at all. `unsafe`: what runs is to run without a sandbox;
 * that is a CAUTION of its own, and that no sandbox can be made is no FAIL any more.
 */
int check_print(bool unsafe);

#endif
