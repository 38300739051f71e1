/**
 * Every error turno can throw, once: its permanent code, its HTTP status, and what it says.
 *
 * A verdict is a value and never comes through here; an error is turno's own failure or a request it refuses. Codes are
 * permanent: clients and tests look at the code, people read the message. A retired code stays in the table, marked so.
 * docs/errors.md is compared with this table by a test.
 */

export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | undefined>>;

interface ErrorEntry {
  /** Status a transport answers with; 500 for turno's own failures. */
  readonly status: number;
  /** `{name}` is replaced by the detail of that name. */
  readonly message: string;
}

export const ERRORS = {
  TURNO_BAD_REQUEST: { status: 400, message: '{field}: {problem}' },
  TURNO_BAD_JSON: { status: 400, message: 'body: expected JSON, {problem}' },
  TURNO_FRAME: { status: 400, message: 'Not a frame of turno: {problem}. docs/protocol.md says what one is.' },
  TURNO_TOKEN_MISSING: {
    status: 401,
    message: 'This request needs the token of a user (over HTTP "Authorization: Bearer TOKEN"); registering gives one.',
  },
  TURNO_TOKEN_UNKNOWN: {
    status: 401,
    message: 'No user has this token. Registering gives a new one.',
  },
  TURNO_REGISTRATION_CLOSED: {
    status: 403,
    message: 'This server takes no registrations (--registration closed). Ask who runs it for a token.',
  },
  TURNO_INVITE: {
    status: 403,
    message: 'invite: expected the invitation of this server (--registration invite). Ask who runs it.',
  },
  TURNO_NO_ROUTE: { status: 404, message: '{method} {path}: no such route. /openapi.json lists them all.' },
  TURNO_METHOD: { status: 405, message: '{method} {path}: expected {allowed}.' },
  TURNO_SLOW_REQUEST: { status: 408, message: 'The request was begun, and the rest of it did not come in time.' },
  TURNO_MEDIA_TYPE: { status: 415, message: 'Content-Type: expected application/json, got {found}.' },
  TURNO_TOO_MANY: {
    status: 429,
    message: 'You may have {limit} submissions unfinished at once ({set}), and have no fewer. Try again later.',
  },
  TURNO_HEADERS_TOO_LARGE: { status: 431, message: 'The headers of the request are larger than {limit} bytes.' },
  TURNO_INTERNAL: {
    status: 500,
    message: 'The server failed, not the request. Its log says more under request {request}.',
  },
  TURNO_PACKAGE: { status: 400, message: '{path}: {problem}' },
  TURNO_OPERATOR: {
    status: 403,
    message: '{what}: only for the operator, whose token is in operator.token of the data directory.',
  },
  TURNO_PROBLEM_TAKEN: { status: 409, message: 'id: the problem "{id}" belongs to {owner}. Choose another id.' },
  TURNO_NOT_FOUND: { status: 404, message: '{what} {id} not found.' },
  TURNO_USER_EXISTS: { status: 409, message: 'name: a user "{name}" is registered already. Choose another name.' },
  TURNO_DONE: { status: 409, message: 'submission {id} is done: there is nothing left to cancel.' },
  TURNO_TOO_LARGE: { status: 413, message: '{field}: expected at most {limit} bytes, found {found}.' },
  TURNO_STOPPING: { status: 503, message: 'The server is ending; what was accepted will be run at its next start.' },
  TURNO_CONNECTIONS: {
    status: 503,
    message: '{limit} connections are open, the most this front takes (--socket-connections). Try again later.',
  },
  TURNO_OTHER_UID: {
    status: 403,
    message:
      '{server} belongs to uid {uid}, and this is uid {own}: the kernel lets only the same uid, or root, signal it. Use the Unix socket (serve --socket PATH --socket-permissions 666, --server unix:PATH).',
  },
  TURNO_TABLE_FULL: {
    status: 507,
    message: '{path}: the table is full ({rows} rows). Nothing was overwritten. Start with a larger --max-rows.',
  },
  TURNO_DISK_FULL: { status: 507, message: '{path}: no space left ({wanted} bytes wanted). Make room; reads go on.' },
  TURNO_DISK_LOW: {
    status: 507,
    message:
      '{path}: {freeMib} MiB free, the floor is {floorMib} (--min-free-mib). New work is refused; make room; reads go on.',
  },
  TURNO_DISK_REFUSES: {
    status: 507,
    message: '{path}: the disk takes no writes ({problem}). New work is refused until it does; reads go on.',
  },
  TURNO_TABLE_NOT_A_TABLE: {
    status: 500,
    message:
      '{path}: not a turno table (magic is {found}, expected {expected}). Move it away or choose another --data.',
  },
  TURNO_TABLE_LAYOUT: {
    status: 500,
    message:
      '{path} has layout {found}, this build reads layout {expected}: start it with the version that wrote it, or move it away.',
  },
  TURNO_TABLE_DAMAGED: {
    status: 500,
    message:
      '{path}: {problem} at byte {offset}. Nothing was changed. `turno table check` says what else is wrong, `turno table restore` builds the table again from snapshot and journal and sets this file aside.',
  },
  TURNO_DATA_LOCKED: {
    status: 500,
    message: '{path} is in use by turno, pid {pid}. Choose another --data, or end that server first.',
  },
  TURNO_NATIVE_MISSING: { status: 500, message: '{path}: the native part is missing. Run `npm rebuild` in {root}.' },
  TURNO_NATIVE_ABI: {
    status: 500,
    message: '{path} was built for Node ABI {found}, this is {expected} (Node {version}). Run `npm rebuild` in {root}.',
  },
  TURNO_SYSTEM: { status: 500, message: '{call} on {on} failed: {problem}.' },
  TURNO_UNREACHABLE: {
    status: 502,
    message:
      '{server}: no answer ({problem}). Is it running? `turno serve` starts one, --server or TURNO_SERVER names another; for `turno ctl` --data or TURNO_DATA does.',
  },
  TURNO_ANSWER: { status: 502, message: '{server}: not an answer of turno ({problem}). Check --server.' },
  TURNO_NO_TOKEN: {
    status: 401,
    message:
      'No token for {server} in {path} (kept there: {kept}) or TURNO_TOKEN. `turno register NAME` gets one; for another way into the same server TURNO_TOKEN takes along the one that is kept.',
  },
  TURNO_IMAGE: { status: 400, message: '{path}: {problem}' },
  TURNO_SHARP_MISSING: {
    status: 500,
    message:
      'sharp, which decodes and encodes pictures, cannot be loaded ({problem}). Run `npm install sharp` where turno is installed.',
  },
  TURNO_USAGE: { status: 400, message: '{problem}' },
  TURNO_LANGUAGE: { status: 500, message: '{path}: {problem}' },
  TURNO_SETTING: { status: 500, message: '{name}: {problem}' },
  TURNO_CELL: { status: 500, message: 'cell: {problem}' },
  TURNO_NO_SANDBOX: {
    status: 500,
    message: 'No sandbox can be made here: {problem}. `turno check` says more; --unsafe-no-sandbox runs without one.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** No blocks left on the disk, in the quota, or under the limit of the process. */
const NO_ROOM: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

export class TurnoError extends Error {
  override readonly name = 'TurnoError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(
      ERRORS[code].message.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? '?')),
      options,
    );
    this.code = code;
    this.details = details;
  }

  /** Any failure as one of turno's: itself, or a system error that happened while `on` was being done. */
  static from(error: unknown, on: string): TurnoError {
    if (error instanceof TurnoError) return error;
    const {
      syscall,
      message,
      path = on,
    }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
    const refusal = TurnoError.ofDisk(error, path, 'more');
    if (refusal !== undefined) return refusal;
    return new TurnoError('TURNO_SYSTEM', { call: syscall ?? 'something', on, problem: message }, { cause: error });
  }

  /** A write the disk refuses: it is full, fails, or has become read-only. Undefined when the error says nothing of the kind. */
  static ofDisk(error: unknown, path: string, wanted: number | string): TurnoError | undefined {
    if (!(error instanceof Error)) return undefined;
    const { code = '', syscall }: NodeJS.ErrnoException = error;
    if (NO_ROOM.includes(code)) return new TurnoError('TURNO_DISK_FULL', { path, wanted }, { cause: error });
    const isBroken = code === 'EROFS' || (code === 'EIO' && syscall !== 'read');
    return isBroken ? new TurnoError('TURNO_DISK_REFUSES', { path, problem: code }, { cause: error }) : undefined;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** The end of every `switch` over a union: the compiler proves it is not reached, and at run time it says what came. */
export function unreachable(value: never): never {
  throw new TypeError(`unexpected value ${JSON.stringify(value)}`);
}
