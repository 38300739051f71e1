/** A server of this checkout for one point of the bench, with a data directory of its own that goes with it. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

export interface Answer {
  readonly token: string;
  readonly verdict: string;
}

export class BenchServer {
  /** What the server says of itself, its addresses among it. */
  readonly startLine: string;
  /** Its data directory. */
  readonly data: string;
  readonly #url: string;
  readonly #stop: () => Promise<void>;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

  private constructor(startLine: string, data: string, stop: () => Promise<void>) {
    this.startLine = startLine;
    this.data = data;
    this.#url = /https?:\/\/[^\s;]+/.exec(startLine)?.[0] ?? '';
    this.#stop = stop;
  }

  /** @param flags as they are, or made for the directory of the server */
  static async start(flags: readonly string[] | ((directory: string) => readonly string[])): Promise<BenchServer> {
    const directory = mkdtempSync(join(tmpdir(), 'turno-bench-'));
    const own = typeof flags === 'function' ? flags(directory) : flags;
    const args = [MAIN, 'serve', '--port', '0', '--data', join(directory, 'data'), ...own];
    const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit'];
    const child = spawn(process.execPath, args, { stdio, env: { ...process.env, TURNO_LOG_LEVEL: 'silent' } });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    // A bench that is broken off must not leave a server that burns on.
    const end = () => child.kill('SIGTERM');
    process.once('exit', end);
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      exited.then(() => reject(new Error('the server did not start')));
    });
    return new BenchServer(line, join(directory, 'data'), async () => {
      end();
      await exited;
      process.off('exit', end);
      rmSync(directory, { recursive: true, force: true });
    });
  }

  async register(name: string): Promise<string> {
    return (await this.post('/v1/users', { name })).token;
  }

  /** Submits and waits for the verdict. */
  submit(token: string, body: unknown): Promise<Answer> {
    return this.post('/v1/submissions?wait=true', body, token);
  }

  /** node:http rather than fetch: a thousand requests that wait for an answer must not stand in each other's way. */
  post(path: string, body: unknown, token?: string): Promise<Answer> {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.#url}${path}`, { method: 'POST', agent: this.#agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece;
        });
        response.on('end', () => {
          if (response.statusCode === 200 || response.statusCode === 201) resolve(JSON.parse(text) as Answer);
          else reject(new Error(`${path}: ${response.statusCode} ${text}`));
        });
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(JSON.stringify(body));
    });
  }

  async stop(): Promise<void> {
    await this.#stop();
    this.#agent.destroy();
  }
}
