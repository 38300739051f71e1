/**
 * What a runner and a cell say to each other, and the words they share with the scheduler. `native/layout.h` is made from
 * this file (`npm run layout`), and each side's signature travels in the cell's hello.
 *
 * Two ways lead to a cell:
 *
 * 1. The control socket, a stream socket pair. The runner sends a REQUEST, a payload of strings and, by SCM_RIGHTS with the
 *    first byte, the descriptors of the run. The cell answers with REPORTs of fixed size: one hello, then one result a run.
 *
 *        runner                                 cell (PID 1 of its namespace)
 *          | <------------------ hello ---------- |
 *          | -- request run + payload + fds ----> |  prepare the box, wait for the word, fork, exec, wait, clean
 *          | <------------------ result --------- |
 *
 *    Payload: NUL-terminated strings in this order: the path to exec, ARGC arguments (argv[0] first), ENVC of `NAME=value`,
 *    IN_COUNT names of files to put into the cell, OUT_COUNT names of files to bring out. The first letter of an in-name
 *    says where it goes: `b` the box (the working directory, `/box`; directories are made on the way), `x` the directory
 *    `/exe`, read-only to programs, where a file stays for later runs as long as the same file is asked for.
 *    (`xtemplate.so`, with RunFlag.warm, is one of native/template.)
 *    Descriptors: stdin, stdout, stderr, the in-files (read from offset 0), the out-files (written from offset 0).
 *
 * 2. One SLOT in `turns.turno`, mapped by every process of the server and by the cell's PID 1. WANTED is the decision: the
 *    cell lets its program run only while WANTED is `run number * 4 + Wanted.run`. After a change the writer sends the
 *    doorbell, SIGRTMIN, to the cell's PID 1; the word is the truth and the signal only says "look".
 *
 *        header | lane words | slot 0 | slot 1 | ...
 *
 * A lane is a word: 0 = free, otherwise the claim of a run, `run number modulo 2^15 * 2^16 + slot + 1`; LANE of the slot says
 * the same from the other side, with lane + 1. A lane is taken by compare-and-swap of both from 0, and given back by the
 * cell the moment its program has ended: STATE becomes ended, LANE and the word go from this claim to 0 (compare-and-swap:
 * the scheduler may have passed the lane on already), then, if WAITERS is not 0, BELL is increased and woken. The scheduler
 * does it the other way round (WAITERS first, then a look at the lanes), so no free lane is overlooked. When a program has
 * been stopped the cell writes STATE stopped and always rings the BELL: the next program is let go only after that, so that
 * never more programs than lanes are runnable.
 *
 * The scheduler gives lanes to runs it saw waiting a moment ago. Such a run may have ended since, and its slot may even be
 * at the next one: so whoever has taken a lane for another looks at STATE once more, and if the run is over gives back that
 * very claim. The run number is in it for this: without it, the lane of the next run would be given back.
 */

import { field, signature, struct } from '../shm/fields.js';

export const CELL_MAGIC = 0x4c4c4543; // "CELL"
export const TURNS_MAGIC = 0x4e525554; // "TURN"
export const MAX_LANES = 1_024;
/** A claim keeps slot + 1, or lane + 1, below this bit, and above it the low bits of the run number. */
export const CLAIM_RUN_SHIFT = 16;
export const CLAIM_RUN_MASK = 0x7fff;
/** In-files and out-files of one run; the kernel passes at most 253 descriptors in one message (SCM_MAX_FD). */
export const MAX_RUN_FILES = 240;
/** Files, directories and links a program may have in its box at once. */
export const BOX_FILES = 65_536;

export const Wanted = { wait: 0, run: 1, kill: 2 } as const;
export type Wanted = (typeof Wanted)[keyof typeof Wanted];

/** Written by the cell, apart from free and waiting, which the runner writes. */
export const SlotState = { free: 0, idle: 1, waiting: 2, running: 3, stopped: 4, ended: 5 } as const;
export type SlotState = (typeof SlotState)[keyof typeof SlotState];

export const RequestKind = { run: 1 } as const;
export const ReportKind = { hello: 1, result: 2, error: 3 } as const;
export type ReportKind = (typeof ReportKind)[keyof typeof ReportKind];

/** Bits of REQUEST.FLAGS. */
export const RunFlag = {
  /** stdout and stderr reach the program as pipes which the cell pumps into the descriptors: exact output limit, append semantics. */
  pipeOutput: 1,
  /** One of the judge's own, a compiler or a checker: SIGUSR1, which is for programs, does not reach it. */
  tool: 2,
  /** From a template, made now or before, if that can be: the preloaded half of it is the in-file `xtemplate.so`. */
  warm: 4,
  /** It reserves far more address space than it uses: where no group keeps the memory limit, only what is resident is looked at. */
  reserves: 8,
} as const;

/** How the program ended. */
export const EndKind = { exited: 1, signalled: 2 } as const;

/** Which limit ended the run, or `none`. Several at once: the first that was reached. `processes` ends nobody: forks failed. */
export const LimitKind = {
  none: 0,
  cpu: 1,
  wall: 2,
  memory: 3,
  output: 4,
  fileSize: 5,
  processes: 6,
  cancelled: 7,
} as const;
export type LimitKind = (typeof LimitKind)[keyof typeof LimitKind];

/** What the box was full of when the run had ended. It ends nobody: what had no room any more failed with ENOSPC. */
export const BoxFull = { no: 0, bytes: 1, files: 2 } as const;
export type BoxFull = (typeof BoxFull)[keyof typeof BoxFull];

/** Bits of REPORT.BACKEND in the hello: what this cell is protected and measured by. */
export const Backend = {
  userNamespace: 1,
  cgroupV1: 2,
  cgroupV2: 4,
  seccomp: 8,
  networkNamespace: 16,
  pidNamespace: 32,
  mountNamespace: 64,
  separateUid: 128,
  schedIdle: 256,
  cpuIdleGroup: 512,
  unsafe: 1_024,
} as const;

export const REQUEST = struct(
  'turno_cell_request',
  'host to cell: one run; a payload of strings follows',
  {
    MAGIC: field('u32', 'CELL_MAGIC'),
    KIND: field('u32', 'RequestKind'),
    RUN: field('u32', 'number of the run in this slot, never 0; below 2^30'),
    FLAGS: field('u32', 'RunFlag bits'),
    PAYLOAD_BYTES: field('u32', 'length of the strings that follow'),
    ARGC: field('u16', 'arguments, argv[0] included'),
    ENVC: field('u16', 'environment entries'),
    IN_COUNT: field('u16', 'files to put into the cell'),
    OUT_COUNT: field('u16', 'files to bring out when the program exited with 0'),
    PROCESSES: field('u32', 'processes and threads at once, the program included'),
    OPEN_FILES: field('u32', 'RLIMIT_NOFILE'),
    CPU_NS: field('u64', 'CPU time of all processes of the run together'),
    WALL_NS: field('u64', 'time running or sleeping, not waiting for a core'),
    MEMORY_BYTES: field('u64', 'memory of the run, tmpfs pages included'),
    OUTPUT_BYTES: field('u64', 'stdout and stderr, each'),
    FILE_BYTES: field('u64', 'largest file the program may write'),
    BOX_BYTES: field('u64', 'all files in the box together'),
    STACK_BYTES: field('u64', 'main stack; 0 = unlimited within memory'),
    OUT_BYTES: field('u64', 'largest file brought out'),
    TEMPLATE_NUMBER: field('u64', 'with RunFlag.warm: which template; runs of equal number may share one. Not 0'),
    TEMPLATE_CPU_NS: field(
      'u64',
      'with RunFlag.warm: CPU time a template may use before it stands; beyond it runs are fresh',
    ),
  },
  128,
);

export const REPORT = struct(
  'turno_cell_report',
  'cell to host: hello, the result of a run, or why the cell ends',
  {
    MAGIC: field('u32', 'CELL_MAGIC'),
    KIND: field('u32', 'ReportKind'),
    SIGNATURE: field('u32', 'hello: CELL_SIGNATURE of the build'),
    PID: field('u32', 'hello: the pid of PID 1 as the host sees it'),
    BACKEND: field('u32', 'hello: Backend bits'),
    RUN: field('u32', 'result: number of the run'),
    END: field('u32', 'result: EndKind'),
    CODE: field('i32', 'result: exit code or signal number'),
    LIMIT: field('u32', 'result: LimitKind'),
    BLOCKED_SYSCALL: field('i32', 'result: number of the system call that ended the run, or -1'),
    STEP: field('u32', 'error: step that failed (native/cell/steps.h)'),
    INDEX: field('u32', 'error: which one of several (mount, descriptor, limit)'),
    ERRNO: field('i32', 'error: errno of the step'),
    OUT_MISSING: field('u32', 'result: how many of the out-files were not there, or not regular, or too large'),
    WARM: field('u32', 'result: 1 = forked from a template, 0 = executed'),
    BOX_FULL: field('u32', 'result: BoxFull; looked at only when the run did not end with exit 0'),
    CPU_NS: field('u64', 'result: CPU time of all processes together'),
    WALL_NS: field('u64', 'result: time running or sleeping'),
    WAITED_NS: field('u64', 'result: time wanted but without a core: stopped, or in the run queue'),
    MEMORY_BYTES: field('u64', 'result: peak memory'),
    STDOUT_BYTES: field('u64', 'result: bytes the program wrote to stdout (at most what the file holds)'),
    STDERR_BYTES: field('u64', 'result: the same for stderr'),
    DETAIL: field('u8', 'error: what it was about; result: name of BLOCKED_SYSCALL; text, NUL-terminated', 120),
  },
  256,
);

export const TURNS_HEADER = struct(
  'turno_turns_header',
  'start of turns.turno; lane words and slots follow',
  {
    MAGIC: field('u32', 'TURNS_MAGIC'),
    SIGNATURE: field('u32', 'CELL_SIGNATURE of the server that made the file'),
    SLOT_COUNT: field('u32', 'slots in this file'),
    LANE_COUNT: field('u32', 'lanes in use; the words behind are not touched'),
    BELL: field('u32', 'futex of the scheduler: increased and woken after each event'),
    WAITERS: field('u32', 'slots that wait for a lane; while it is not 0 no lane is taken without asking'),
    STOP: field('u32', 'not 0: the server is ending'),
    SLOT_HINT: field('u32', 'where to look for a free slot first'),
    LANES: field('u32', 'lane words: 0 = free, else the claim of a run, with slot + 1', MAX_LANES),
  },
  8_192,
);

export const SLOT = struct(
  'turno_slot',
  'one cell, as runner, scheduler and cell see it',
  {
    WANTED: field('u32', 'run number * 4 + Wanted; futex; scheduler, or the runner that takes an idle lane'),
    STATE: field('u32', 'run number * 8 + SlotState; runner and cell'),
    LANE: field('u32', 'claim of the run with lane + 1, 0 = it holds none'),
    OWNER: field('u32', 'kernel number of the thread whose cell it is, 0 = slot is free'),
    CELL_PID: field('u32', 'PID 1 as the host sees it, for the doorbell; 0 = none yet'),
    LEVEL: field('u32', 'scheduler: level in the policy'),
    TURNS: field('u32', 'scheduler: turns had'),
    USER: field('u32', 'user row of the submission'),
    ROW: field('u32', 'row of the submission'),
    PRIORITY: field('u32', 'of the user: 0 live, higher = behind'),
    CPU_NS: field('u64', 'cell: CPU used by the run so far, brought up to date at each stop and at the end'),
    MEMORY_BYTES: field('u64', 'cell: memory of the run, at each stop and at the end'),
    LIMIT_BYTES: field('u64', 'runner: memory limit of the run'),
    WAITING_SINCE_NS: field('u64', 'runner: CLOCK_MONOTONIC when the run was asked for'),
    SERVICE_NS: field('u64', 'scheduler: time on lanes, the present stay not counted'),
    LANE_SINCE_NS: field('u64', 'whoever gave the lane: CLOCK_MONOTONIC when this stay on it began'),
    TITLE: field('u8', 'runner: language and file name, NUL-terminated, for lists', 64),
  },
  192,
);

export const CELL_STRUCTS = [REQUEST, REPORT, TURNS_HEADER, SLOT] as const;
export const CELL_SIGNATURE = signature(CELL_STRUCTS);
