/*
 * The cell's slot in turns.turno; the words and the order of their stores are described in src/pool/cell-layout.ts.
 *
 * All accesses are sequentially consistent: "lane word 0, then a look at WAITERS" here against "WAITERS, then a look at the
 * lanes" in the scheduler is Dekker's pattern, and with anything weaker both could overlook each other.
 */
#include "turn.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "report.h"

#define LOAD(word) __atomic_load_n(&(word), __ATOMIC_SEQ_CST)
#define STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_SEQ_CST)

void turn_map(struct cell *cell, int turns, uint32_t slot) {
  cell->slot_index = slot;
  if (turns < 0) return;
  struct stat status;
  if (fstat(turns, &status)) die(STEP_TURNS, 0, errno, "fstat");
  size_t length = (size_t)status.st_size;
  if (length < sizeof *cell->turns) die(STEP_TURNS, 1, 0, "%zu bytes are too few", length);
  char *base = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, turns, 0);
  if (base == MAP_FAILED) die(STEP_TURNS, 2, errno, "mmap");
  if (madvise(base, length, MADV_DONTFORK)) die(STEP_TURNS, 3, errno, "madvise");
  close(turns);
  cell->turns = (struct turno_turns_header *)base;
  if (cell->turns->magic != TURNO_TURNS_MAGIC) die(STEP_TURNS, 4, 0, "magic is %x", cell->turns->magic);
  if (cell->turns->signature != TURNO_CELL_SIGNATURE) {
    die(STEP_TURNS, 5, 0, "signature is %x, this build has %x", cell->turns->signature, TURNO_CELL_SIGNATURE);
  }
  if (slot >= cell->turns->slot_count || length < sizeof *cell->turns + (slot + 1ull) * sizeof *cell->slot) {
    die(STEP_TURNS, 6, 0, "slot %u is beyond the end", slot);
  }
  cell->slot = (struct turno_slot *)(base + sizeof *cell->turns) + slot;
}


uint32_t turn_wanted(const struct cell *cell, uint32_t run) {
  if (!cell->slot) return TURNO_WANTED_RUN;
  uint32_t wanted = LOAD(cell->slot->wanted);
  return wanted >> 2 == run ? wanted & 3 : TURNO_WANTED_WAIT;
}

void turn_state(const struct cell *cell, uint32_t run, uint32_t state) {
  if (cell->slot) STORE(cell->slot->state, run << 3 | state);
}

static void ring(const struct cell *cell) {
  __atomic_add_fetch(&cell->turns->bell, 1, __ATOMIC_SEQ_CST);
  syscall(SYS_futex, &cell->turns->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool swap(uint32_t *word, uint32_t expected, uint32_t value) {
  return __atomic_compare_exchange_n(word, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void turn_announce(const struct cell *cell) {
  /* A cell whose host has died while it was made may come when its slot is somebody else's already. */
  if (cell->slot) swap(&cell->slot->cell_pid, 0, cell->host_pid);
}

static void figures(const struct cell *cell, uint64_t cpu_ns, uint64_t memory_bytes) {
  STORE(cell->slot->cpu_ns, cpu_ns);
  STORE(cell->slot->memory_bytes, memory_bytes);
}

void turn_stopped(const struct cell *cell, uint32_t run, uint64_t cpu_ns, uint64_t memory_bytes) {
  if (!cell->slot) return;
  figures(cell, cpu_ns, memory_bytes);
  turn_state(cell, run, TURNO_SLOT_STOPPED);
  ring(cell);
}

void turn_ended(const struct cell *cell, uint32_t run, uint64_t cpu_ns, uint64_t memory_bytes) {
  if (!cell->slot) return;
  figures(cell, cpu_ns, memory_bytes);
  turn_state(cell, run, TURNO_SLOT_ENDED);
  const uint32_t tag = (run & TURNO_CLAIM_RUN_MASK) << TURNO_CLAIM_RUN_SHIFT;
  const uint32_t claim = LOAD(cell->slot->lane);
  const uint32_t lane = claim - tag; // 1 to TURNO_MAX_LANES in a claim of this run
  if (lane >= 1 && lane <= TURNO_MAX_LANES && swap(&cell->slot->lane, claim, 0)) {
    swap(&cell->turns->lanes[lane - 1], tag + cell->slot_index + 1, 0);
  }
  if (LOAD(cell->turns->waiters)) ring(cell);
}
