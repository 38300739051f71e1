// Judges the programs of examples/ by a real server, and compares verdicts with what each program is called.
//
//     node tools/demo.mjs                     starts a server of its own: free port, fresh data; ends it at the end
//     node tools/demo.mjs --keep              leaves it running and says how to end it
//     node tools/demo.mjs --server URL        uses a server that runs already
//
// Exit status 1 when a verdict is another than expected. Needs `npm run build` before.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXPECTED = { accepted: 'AC', 'wrong-answer': 'WA', 'infinite-loop': 'TLE', crash: 'RE', 'compile-error': 'CE' };
const LANGUAGES = [
  { id: 'c', directory: 'examples/c', extension: '.c' },
  { id: 'python', directory: 'examples/python', extension: '.py' },
  { id: 'javascript', directory: 'examples/javascript', extension: '.js' },
  { id: 'typescript', directory: 'examples/typescript', extension: '.ts' },
  { id: 'java', directory: 'examples/java', extension: '.java' },
  { id: 'rust', directory: 'examples/rust', extension: '.rs' },
  { id: 'bash', directory: 'examples/bash', extension: '.sh' },
];
// Only these need more than gcc and python3, which turno cannot do without. Not Go: its first program takes 15 s.
const ALWAYS = ['c', 'python'];
// Two tests: the sum of the second needs more than 32 bits, and stands on two lines.
const TESTS = [
  { name: 'small', stdin: '1 2 3\n', expected: '6\n' },
  { name: 'large', stdin: '4000000000 4000000000\n5\n', expected: '8000000005\n' },
];
const START_WITHIN_MS = 60_000;

const { values: options } = parseArgs({ options: { server: { type: 'string' }, keep: { type: 'boolean' } } });
const own = options.server === undefined ? await startServer() : undefined;
try {
  process.exitCode = await demo(options.server ?? own.url);
} finally {
  if (own) await (options.keep ? leave(own) : end(own));
}

async function demo(server) {
  const user = `demo-${Date.now().toString(36)}`;
  const { token } = await ask(server, 'POST', '/v1/users', { name: user });
  console.log(`demo: registered ${user} at ${server}; submitting the programs of examples/ all at once`);
  const { languages } = await (await fetch(`${server}/v1/languages`)).json();
  const isOffered = ({ id }) => ALWAYS.includes(id) || languages.some((one) => one.id === id);
  const programs = LANGUAGES.filter(isOffered).flatMap(programsOf);
  const replies = await Promise.all(programs.map((program) => submit(server, token, program)));
  const head = ['program', 'expected', 'found', 'CPU ms', 'wall ms', 'memory KiB', 'why'];
  const table = new Table({ head, style: { head: [], border: [] } });
  let differences = 0;
  for (const [index, { path, expected }] of programs.entries()) {
    const { verdict, cpuTimeMs, wallTimeMs, memoryKiB, reason } = replies[index];
    if (verdict !== expected) differences++;
    const mark = verdict === expected ? '' : '  <-- DIFFERENT';
    const why = (reason ?? '').slice(0, 60);
    table.push([path, expected, `${verdict}${mark}`, ...[cpuTimeMs, wallTimeMs, memoryKiB].map(Math.round), why]);
  }
  console.log(table.toString());
  console.log(`demo: ${programs.length} programs, ${differences} with another verdict than expected`);
  return differences === 0 ? 0 : 1;
}

/** Programs whose name says their verdict; others in the folder are examples of something else. */
function programsOf({ id, directory, extension }) {
  return readdirSync(join(ROOT, directory))
    .filter((file) => file.endsWith(extension) && file.slice(0, -extension.length) in EXPECTED)
    .sort((a, b) => order(a, extension) - order(b, extension))
    .map((file) => ({
      language: id,
      path: `${directory}/${file}`,
      expected: EXPECTED[file.slice(0, -extension.length)],
      source: readFileSync(join(ROOT, directory, file), 'utf8'),
    }));
}

function order(file, extension) {
  return Object.keys(EXPECTED).indexOf(file.slice(0, -extension.length));
}

function submit(server, token, { language, source }) {
  const body = { language, source, tests: TESTS, limits: { cpuTimeMs: 1_000 } };
  return ask(server, 'POST', '/v1/submissions?wait=true', body, token);
}

async function ask(server, method, path, body, token) {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const response = await fetch(`${server}${path}`, { method, headers, body: JSON.stringify(body) });
  const reply = await response.json();
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${reply.error?.code}: ${reply.error?.message}`);
  return reply;
}

/** A server on a port the kernel chooses; its log goes into a file of the data directory, so that it can be left alone. */
async function startServer() {
  const data = mkdtempSync(join(tmpdir(), 'turno-demo-'));
  const logFile = join(data, 'server.log');
  const log = openSync(logFile, 'a', 0o600);
  const args = [join(ROOT, 'dist/main.js'), 'serve', '--port', '0', '--data', join(data, 'data')];
  console.log('demo: starting a server with fresh data');
  // A group of its own: Ctrl-C at the demo ends the server by the line below, in order, not by the terminal.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', log], detached: true });
  closeSync(log);
  const server = { child, data, url: '' };
  const exited = new Promise((_, reject) =>
    child.once('exit', (code, signal) => {
      reject(new Error(`the server did not start (${signal ?? `exit ${code}`}):\n${readFileSync(logFile, 'utf8')}`));
    }),
  );
  const timer = setTimeout(() => child.kill('SIGTERM'), START_WITHIN_MS);
  process.once('SIGINT', () => end(server).then(() => process.exit(130)));
  const line = await Promise.race([firstLine(child.stdout), exited]);
  exited.catch(() => undefined); // from now on its end is ours to wait for
  clearTimeout(timer);
  console.log(line);
  server.url = /https?:\/\/[^\s;]+/.exec(line)?.[0];
  if (server.url === undefined) throw new Error(`no URL in the start-up line: ${line}`);
  return server;
}

function firstLine(stream) {
  return new Promise((resolve) => {
    let text = '';
    stream.setEncoding('utf8').on('data', (part) => {
      text += part;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
  });
}

async function end({ child, data }) {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  }
  rmSync(data, { recursive: true, force: true });
  console.log('demo: server ended, its data removed');
}

function leave({ child, data, url }) {
  child.stdout.destroy();
  child.unref();
  console.log(`demo: the server goes on at ${url}; its data and log are in ${data}`);
  console.log(`demo: end it with: kill ${child.pid}; then remove its data: rm -r ${data}`);
}
