/**
 * A real server for a test: its own process, port and data directory, ended with the test.
 *
 * `stop` ends it as Ctrl-C would, `kill` as a crash would; `restart` starts another on the same data directory. When the
 * test ends, no process of the server may be left: that is checked here, for every test that starts one.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** A test that is killed (its time is up, Ctrl-C twice) runs no teardown: its server ends all the same. */
const DIES_WITH_TEST = ['setpriv', '--pdeathsig', 'TERM', '--'];

/** A submission as JSON, loosely typed: tests look at what really came over the wire. */
// biome-ignore lint/suspicious/noExplicitAny: the point of these tests is to look at answers of any shape
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers: Headers;
}

export interface ServerOptions {
  /** Data directory; a fresh one of the test by default. */
  readonly data?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A command that starts the server, such as setpriv with its arguments; nothing by default. */
  readonly under?: readonly string[];
  /** Gets the process as soon as it exists. */
  readonly afterStart?: (child: ChildProcess) => void;
}

export class TestServer {
  readonly url: string;
  readonly data: string;
  readonly startLine: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #log: string[];
  #users = 0;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(child: ChildProcess, startLine: string, data: string, log: string[], exited: TestServer['exited']) {
    this.#child = child;
    this.startLine = startLine;
    this.url = /https?:\/\/[^\s;]+/.exec(startLine)?.[0] ?? '';
    this.pid = child.pid ?? 0;
    this.data = data;
    this.#log = log;
    this.exited = exited;
  }

  /** The address of a way in, as the start-up line says it. */
  address(scheme: 'tcp' | 'unix' | 'signal'): string {
    const address = new RegExp(`${scheme}:[^\\s;]+`).exec(this.startLine)?.[0];
    if (address === undefined) throw new Error(`no ${scheme} address in: ${this.startLine}`);
    return address;
  }

  /** Everything the server wrote to stderr so far. */
  get log(): string {
    return this.#log.join('\n');
  }

  async request(method: string, path: string, { token, body, raw, type }: RequestOptions = {}): Promise<Answer> {
    const headers: Record<string, string> = {};
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (body !== undefined || raw !== undefined) headers['content-type'] = type ?? 'application/json';
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers,
      ...(payload === undefined ? {} : { body: payload }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers };
  }

  /** Registers a user and gives the token. */
  async register(name: string): Promise<string> {
    const { status, body } = await this.request('POST', '/v1/users', { body: { name } });
    if (status !== 201) throw new Error(`register ${name}: ${status} ${JSON.stringify(body)}`);
    return body.token;
  }

  /** The same under a name that nobody has, for tests that share a server. */
  newUser(name: string): Promise<string> {
    return this.register(`${name} ${++this.#users}`);
  }

  /** Submits and waits for the verdict. */
  async judge(token: string, body: Json): Promise<Json> {
    const answer = await this.request('POST', '/v1/submissions?wait=true', { token, body });
    if (answer.status !== 200) throw new Error(`submit: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /**
   * The same until it has come from a template, a few times at most: that of a compiled program may use 5 ms of CPU until it
   * stands, and a machine that takes its core away in the middle makes it longer.
   */
  async judgeWarm(token: string, body: Json): Promise<Json> {
    for (let tries = 1; ; tries++) {
      const reply = await this.judge(token, body);
      if (reply.warm || tries === 5) return reply;
    }
  }

  async show(token: string, id: string): Promise<Json> {
    return (await this.request('GET', `/v1/submissions/${id}`, { token })).body;
  }

  /**
   * Waits until nothing is queued or running any more. One asks for all: programs run below the server, and hundreds of
   * clients that ask all the time would leave them no core.
   */
  async idle(): Promise<void> {
    for (;;) {
      // A front that has just died closes the connection: another answers the next time.
      const health = await this.request('GET', '/v1/health').catch(() => undefined);
      if (health?.body.queued === 0 && health.body.running === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Waits for a line of the log. */
  async logged(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = this.#log.find((one) => pattern.test(one));
      if (line) return line;
      await Promise.race([
        new Promise((resolve) => this.#child.stderr?.once('data', () => setImmediate(resolve))),
        this.exited.then(() => {
          if (!this.#log.some((one) => pattern.test(one))) throw new Error(`never logged: ${pattern}\n${this.log}`);
        }),
      ]);
    }
  }

  get fronts(): number[] {
    return childrenOf(this.pid);
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Ends it cleanly; the exit status. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.signal('SIGTERM');
    return (await this.exited).code;
  }

  /** Ends every process of it with SIGKILL, at once. */
  async kill(): Promise<void> {
    const all = [this.pid, ...descendantsOf(this.pid)];
    for (const pid of all) sendIfAlive(pid, 'SIGKILL');
    await this.exited;
  }
}

export interface RequestOptions {
  readonly token?: string;
  readonly body?: Json;
  readonly raw?: string | Uint8Array<ArrayBuffer>;
  readonly type?: string;
}

/** A test that is ended in the middle must not leave its servers behind. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
process.once('SIGTERM', () => process.exit(1));

export async function startServer(t: Pick<Test, 'teardown'>, options: ServerOptions = {}): Promise<TestServer> {
  // Not t.testdir(): that is removed before the teardown below runs, under the feet of a server that still writes.
  const own = options.data === undefined ? mkdtempSync(join(tmpdir(), 'turno-test-')) : undefined;
  const data = options.data ?? join(own ?? '', 'data');
  // A saver less than by default: a seventh of what a start costs, and there are hundreds.
  const serve = [
    process.execPath,
    MAIN,
    'serve',
    '--port',
    '0',
    '--data',
    data,
    '--savers',
    '1',
    ...(options.args ?? []),
  ];
  const [command = '', ...args] = [...DIES_WITH_TEST, ...(options.under ?? []), ...serve];
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  running.add(child);
  options.afterStart?.(child);
  child.once('exit', () => running.delete(child));
  const log: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('exit', (code, signal) => resolve({ code, signal })),
  );
  const startLine = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    exited.then(({ code, signal }) => reject(new StartFailure(code, signal, log.join('\n'))));
  });
  const server = new TestServer(child, startLine, data, log, exited);
  t.teardown(async () => {
    await server.stop();
    const left = processesHolding(data);
    if (own !== undefined) rmSync(own, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`processes of the server are left: ${left.join(', ')}`);
  });
  return server;
}

export class StartFailure extends Error {
  readonly code: number | null;
  readonly log: string;

  constructor(code: number | null, signal: NodeJS.Signals | null, log: string) {
    super(`the server did not start: ${signal ?? `exit ${code}`}\n${log}`);
    this.code = code;
    this.log = log;
  }
}

export function childrenOf(pid: number): number[] {
  return allProcesses().flatMap(({ pid: child, parent }) => (parent === pid ? [child] : []));
}

export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** Processes, of any server, that have a data directory on their command line or hold a file of it open. */
export function processesHolding(data: string): number[] {
  return allProcesses().flatMap(({ pid }) => (pid !== process.pid && holds(pid, data) ? [pid] : []));
}

function holds(pid: number, data: string): boolean {
  try {
    if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(data)) return true;
    return readFileSync(`/proc/${pid}/maps`, 'utf8').includes(data);
  } catch {
    return false; // it ended while we looked
  }
}

function allProcesses(): { pid: number; parent: number }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return state === 'Z' ? [] : [{ pid: Number(name), parent: Number(parent) }];
    } catch {
      return []; // it ended while we looked
    }
  });
}

/** What has ended meanwhile needs no signal. */
export function sendIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
