/** A cell's messages as bytes: the request a runner sends, the reports it gets. The format is in cell-layout.ts. */

import { TurnoError } from '../errors.js';
import type { Field } from '../shm/fields.js';
import {
  BoxFull,
  CELL_MAGIC,
  EndKind,
  LimitKind,
  MAX_RUN_FILES,
  REPORT,
  REQUEST,
  ReportKind,
  RequestKind,
} from './cell-layout.js';

/** Limits of one run; each is enforced, none is optional. */
export interface RunLimits {
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly memoryBytes: number;
  /** Processes and threads at once, the program included. */
  readonly processes: number;
  /** stdout and stderr, each. */
  readonly outputBytes: number;
  readonly fileBytes: number;
  /** All files in the box together. */
  readonly boxBytes: number;
  readonly openFiles: number;
  /** 0 = unlimited within memory. */
  readonly stackBytes: number;
}

export interface CellRequest {
  /** RunFlag bits. */
  readonly flags: number;
  readonly path: string;
  readonly argv: readonly string[];
  readonly env: readonly string[];
  /** Names with their place as first letter: `b` box, `x` /exe. */
  readonly inNames: readonly string[];
  readonly outNames: readonly string[];
  readonly outBytes: number;
  readonly limits: RunLimits;
  /** With RunFlag.warm. */
  readonly template?: { readonly number: number; readonly cpuNs: number } | undefined;
}

export interface CellReport {
  readonly kind: ReportKind;
  readonly signature: number;
  readonly pid: number;
  readonly backend: number;
  readonly run: number;
  /** null when a signal ended the program. */
  readonly exitCode: number | null;
  /** Signal number, or null. */
  readonly signal: number | null;
  readonly limit: LimitKind;
  readonly boxFull: BoxFull;
  readonly blockedSyscall: number | null;
  readonly step: number;
  readonly index: number;
  readonly errno: number;
  readonly outMissing: number;
  /** Forked from a template. */
  readonly isWarm: boolean;
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly waitedNs: number;
  readonly memoryBytes: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly detail: string;
}

/** The number of the run is still to come: `numbered`. */
export function encodeRequest(request: CellRequest): Buffer {
  const strings = [request.path, ...request.argv, ...request.env, ...request.inNames, ...request.outNames];
  for (const text of strings) {
    if (text.includes('\0')) throw new TurnoError('TURNO_CELL', { problem: `a NUL byte in ${JSON.stringify(text)}` });
  }
  if (request.inNames.length + request.outNames.length > MAX_RUN_FILES) {
    throw new TurnoError('TURNO_CELL', { problem: `more than ${MAX_RUN_FILES} files in one run` });
  }
  const payload = Buffer.from(`${strings.join('\0')}\0`);
  const message = Buffer.alloc(REQUEST.size + payload.length);
  const { limits } = request;
  const words: [Field, number][] = [
    [REQUEST.fields.MAGIC, CELL_MAGIC],
    [REQUEST.fields.KIND, RequestKind.run],
    [REQUEST.fields.FLAGS, request.flags],
    [REQUEST.fields.PAYLOAD_BYTES, payload.length],
    [REQUEST.fields.ARGC, request.argv.length],
    [REQUEST.fields.ENVC, request.env.length],
    [REQUEST.fields.IN_COUNT, request.inNames.length],
    [REQUEST.fields.OUT_COUNT, request.outNames.length],
    [REQUEST.fields.PROCESSES, limits.processes],
    [REQUEST.fields.OPEN_FILES, limits.openFiles],
    [REQUEST.fields.CPU_NS, limits.cpuNs],
    [REQUEST.fields.WALL_NS, limits.wallNs],
    [REQUEST.fields.MEMORY_BYTES, limits.memoryBytes],
    [REQUEST.fields.OUTPUT_BYTES, limits.outputBytes],
    [REQUEST.fields.FILE_BYTES, limits.fileBytes],
    [REQUEST.fields.BOX_BYTES, limits.boxBytes],
    [REQUEST.fields.STACK_BYTES, limits.stackBytes],
    [REQUEST.fields.OUT_BYTES, request.outBytes],
    [REQUEST.fields.TEMPLATE_NUMBER, request.template?.number ?? 0],
    [REQUEST.fields.TEMPLATE_CPU_NS, request.template?.cpuNs ?? 0],
  ];
  for (const [field, value] of words) {
    // Counts are small and bytes and nanoseconds stay below 2^53, so the low and high halves are exact.
    if (field.bytes === 2) message.writeUInt16LE(value, field.offset);
    else message.writeUInt32LE(value % 2 ** 32, field.offset);
    if (field.bytes === 8) message.writeUInt32LE(Math.floor(value / 2 ** 32), field.offset + 4);
  }
  payload.copy(message, REQUEST.size);
  return message;
}

export function numbered(request: Buffer, run: number): Buffer {
  request.writeUInt32LE(run, REQUEST.fields.RUN.offset);
  return request;
}

/** @throws TURNO_CELL when the bytes are not a report: the cell is then not to be trusted any more. */
export function decodeReport(bytes: Buffer): CellReport {
  const u32 = (field: Field) => bytes.readUInt32LE(field.offset);
  const i32 = (field: Field) => bytes.readInt32LE(field.offset);
  const u64 = (field: Field) => Number(bytes.readBigUInt64LE(field.offset));
  const f = REPORT.fields;
  const kind = oneOf('kind', u32(f.KIND), ReportKind);
  if (u32(f.MAGIC) !== CELL_MAGIC) throw new TurnoError('TURNO_CELL', { problem: 'a report without its magic' });
  const isSignalled = kind === ReportKind.result && oneOf('end', u32(f.END), EndKind) === EndKind.signalled;
  const blocked = i32(f.BLOCKED_SYSCALL);
  const detail = bytes.subarray(f.DETAIL.offset, f.DETAIL.offset + f.DETAIL.bytes);
  return {
    kind,
    signature: u32(f.SIGNATURE),
    pid: u32(f.PID),
    backend: u32(f.BACKEND),
    run: u32(f.RUN),
    exitCode: isSignalled ? null : i32(f.CODE),
    signal: isSignalled ? i32(f.CODE) : null,
    limit: oneOf('limit', u32(f.LIMIT), LimitKind),
    boxFull: oneOf('box full', u32(f.BOX_FULL), BoxFull),
    blockedSyscall: blocked < 0 ? null : blocked,
    step: u32(f.STEP),
    index: u32(f.INDEX),
    errno: i32(f.ERRNO),
    outMissing: u32(f.OUT_MISSING),
    isWarm: u32(f.WARM) !== 0,
    cpuNs: u64(f.CPU_NS),
    wallNs: u64(f.WALL_NS),
    waitedNs: u64(f.WAITED_NS),
    memoryBytes: u64(f.MEMORY_BYTES),
    stdoutBytes: u64(f.STDOUT_BYTES),
    stderrBytes: u64(f.STDERR_BYTES),
    detail: detail.toString('utf8', 0, Math.max(0, detail.indexOf(0))),
  };
}

function oneOf<T extends number>(name: string, found: number, values: Readonly<Record<string, T>>): T {
  const value = Object.values(values).find((one) => one === found);
  if (value === undefined) throw new TurnoError('TURNO_CELL', { problem: `a report with ${name} ${found}` });
  return value;
}
