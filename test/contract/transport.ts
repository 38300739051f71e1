/**
 * What every way in promises: one suite, run by each with a real server behind it.
 *
 * A new transport starts by passing it: `make` gives a client's way to a running server; `skip` names tests that make no
 * sense there, with the reason.
 */

import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Test } from 'tap';
import { type Client, Refusal } from '../../src/io/client.js';
import { type ConnectOptions, connect } from '../../src/io/connect.js';
import type { SubmissionBody } from '../../src/io/schema.js';
import type { TestServer } from '../start-server.js';

export interface TransportContract {
  /** A server that has this way in, and the address of it. */
  readonly make: (t: Test) => Promise<{ readonly server: TestServer; readonly address: string }>;
  readonly skip?: readonly { readonly test: string; readonly reason: string }[];
}

/** What a test gets: a client of a user, and a way to more of them. */
interface Way {
  readonly client: Client;
  readonly address: string;
  readonly open: (options?: ConnectOptions) => Promise<Client>;
}

const HELLO = { language: 'python', source: 'print("hello")' };
const LOOP = { language: 'python', source: 'while True: pass' };

const TESTS: Readonly<Record<string, (t: Test, way: Way) => Promise<void>>> = {
  'an empty request is answered': async (t, { client }) => {
    t.equal(await client.ping(), undefined);
  },

  'open operations are answered without a token, the others are refused': async (t, { open }) => {
    const stranger = await open();
    await stranger.ping();
    t.match(await stranger.health(), { lanes: Number, pid: Number });
    t.match(await stranger.languages(), [{ id: 'c', extension: '.c', version: String }]);
    const refused: readonly (() => Promise<unknown>)[] = [
      () => stranger.list({}),
      () => stranger.submit(HELLO, { wait: false }),
      () => stranger.turns(),
      () => stranger.show('x'),
    ];
    for (const ask of refused) await t.rejects(ask(), { name: 'Refusal', code: 'TURNO_TOKEN_MISSING' });
  },

  'a wrong token is refused, and what needs none is answered with it': async (t, { open }) => {
    for (const token of ['not-a-token', 'of two\nlines', 'é', '']) {
      const client = await open({ token });
      await t.rejects(client.list({}), { name: 'Refusal', code: /^TURNO_TOKEN_(UNKNOWN|MISSING)$/ }, token);
      await client.ping();
    }
  },

  'a user registers once, and the name is checked': async (t, { client }) => {
    await t.rejects(client.register('ada'), { code: 'TURNO_USER_EXISTS', field: undefined });
    await t.rejects(client.register('a\nb'), { code: 'TURNO_BAD_REQUEST', field: 'name' });
    t.match(await client.register('grace'), { name: 'grace', token: /^[0-9a-f]{48}$/ });
  },

  'submit waits for the verdict, or answers when it is accepted': async (t, { client }) => {
    const done = await client.submit({ ...HELLO, source: 'print(input())', stdin: 'é\n' }, { wait: true });
    t.match(done, { state: 'done', verdict: 'AC', stdout: 'é\n', exitCode: 0, user: 'ada', language: 'python' });
    t.same(await client.show(done.id), done);
    const accepted = await client.submit(HELLO, { wait: false });
    t.match(accepted.id, /^[0-9a-f]{32}$/);
    t.match(await settled(client, accepted.id), { verdict: 'AC', stdout: 'hello\n' });
  },

  'progress tells each result once, in parts': async (t, { client }) => {
    const tests = Array.from({ length: 5 }, (_, index) => ({ stdin: `${index}\n`, expected: `${index}\n` }));
    const { id } = await client.submit({ language: 'python', source: 'print(input())', tests }, { wait: false });
    const told: (string | null)[] = [];
    for (let part = await client.progress(id); ; part = await client.progress(id, part.cursor)) {
      told.push(...part.results.map(({ name }) => name));
      if (part.state === 'done') break;
      await setTimeout(5);
    }
    t.strictSame(told, [...new Set(told)], 'none twice');
    t.equal((await client.show(id)).tests.length, 5);
    await t.rejects(client.progress('0'.repeat(32)), { code: 'TURNO_NOT_FOUND' });
    await t.rejects(client.progress(id, 'x'), { code: 'TURNO_BAD_REQUEST', field: 'after' });
  },

  'tests, files and limits arrive as they were sent': async (t, { client }) => {
    const files = [
      { path: 'main.py', content: 'from lib.twice import twice\nprint(twice(int(input())))' },
      {
        path: 'lib/twice.py',
        content: Buffer.from('def twice(x): return x * 2').toString('base64'),
        encoding: 'base64',
      },
    ] satisfies SubmissionBody['files'];
    const tests = [
      { name: 'two', stdin: '2', expected: '4' },
      { stdin: '3', expected: '7' },
    ];
    const reply = await client.submit({ language: 'python', files, main: 'main.py', tests }, { wait: true });
    t.match(reply, {
      verdict: 'WA',
      tests: [
        { name: 'two', verdict: 'AC' },
        { name: '2', verdict: 'WA' },
      ],
    });
    const archive = await client.source(reply.id);
    t.equal(archive.name, `${reply.id}.tar`);
    t.equal(archive.content.toString('utf8', 257, 262), 'ustar');
    const limited = await client.submit({ ...LOOP, limits: { cpuTimeMs: 100 } }, { wait: true });
    t.match(limited, { verdict: 'TLE', reason: /100 ms/ });
  },

  'the list is paged, newest first': async (t, { client, open }) => {
    const { token } = await client.register('lister');
    const own = await open({ token });
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await own.submit(HELLO, { wait: false })).id);
    const first = await own.list({ limit: 2 });
    t.same(
      first.submissions.map(({ id }) => id),
      [ids[2], ids[1]],
    );
    t.equal(first.next, ids[1]);
    const second = await own.list({ limit: 2, after: ids[1] ?? '' });
    t.match(second, { submissions: [{ id: ids[0] }], next: null });
    t.equal((await own.list({})).submissions.length, 3);
    for (const id of ids) await settled(own, id);
  },

  'source and executable come byte for byte': async (t, { client }) => {
    const source = '#include <stdio.h>\nint main(void) { puts("é"); return 0; }\n';
    const { id } = await client.submit({ language: 'c', source }, { wait: true });
    t.match(await client.source(id), { name: 'main.c', content: Buffer.from(source) });
    const executable = await client.executable(id);
    t.strictSame(executable.content.subarray(0, 4), Buffer.from('\x7fELF'));
    t.same(await client.executable(id), executable);
    const { id: interpreted } = await client.submit(HELLO, { wait: true });
    await t.rejects(client.executable(interpreted), { code: 'TURNO_NOT_FOUND' });
  },

  'what runs is shown, cancelled once, and its waiter is answered': async (t, { client }) => {
    const waited = client.submit({ ...LOOP, limits: { cpuTimeMs: 60_000 } }, { wait: true });
    const running = await until(async () => {
      const { programs } = await client.turns();
      return programs.find(({ lane, id }) => lane !== null && id !== null);
    });
    t.match(running, { user: 'ada', program: /^python/ });
    const id = running.id ?? '';
    t.match(await client.cancel(id), { id, state: 'done', verdict: 'cancelled' });
    t.match(await waited, { id, verdict: 'cancelled' });
    await t.rejects(client.cancel(id), { code: 'TURNO_DONE' });
  },

  'what is not there, and what is not yours, is not found': async (t, { client, open }) => {
    const { token } = await client.register('stranger');
    const other = await open({ token });
    const { id } = await client.submit(HELLO, { wait: true });
    for (const missing of [id, '0'.repeat(32), '../../etc/passwd', 'x']) {
      await t.rejects(other.show(missing), { code: 'TURNO_NOT_FOUND' }, missing);
    }
    await t.rejects(other.cancel(id), { code: 'TURNO_NOT_FOUND' });
    await t.rejects(other.source(id), { code: 'TURNO_NOT_FOUND' });
  },

  'bad input is refused with code and field, and changes nothing': async (t, { client }) => {
    const before = await client.health();
    const cases: readonly (readonly [field: string, body: unknown, code?: string])[] = [
      ['language', { language: 'cobol', source: '' }],
      ['language', { source: '' }],
      ['source', { language: 'c' }],
      ['limits.cpuTimeMs', { ...HELLO, limits: { cpuTimeMs: '2s' } }],
      ['limits.cpuTimeMs', { ...HELLO, limits: { cpuTimeMs: 1.5 } }],
      ['limits.cpuTimeMs', { ...HELLO, limits: { cpuTimeMs: 0 } }],
      ['limits.cpuTime', { ...HELLO, limits: { cpuTime: 1 } }],
      ['sourcce', { language: 'c', sourcce: '' }],
      ['tests[1].stdinBase64', { ...HELLO, tests: [{}, { stdinBase64: '???' }] }],
      ['files[0].path', { language: 'c', files: [{ path: '../x.c', content: '' }] }],
      ['body', null],
      ['body', []],
      ['body', 'text'],
      ['source', { language: 'c', source: 'x'.repeat(5 << 20) }, 'TURNO_TOO_LARGE'],
    ];
    for (const [field, body, code = 'TURNO_BAD_REQUEST'] of cases) {
      const error = await client.submit(body as SubmissionBody, { wait: false }).then(undefined, (one: unknown) => one);
      t.ok(error instanceof Refusal, `${field}: ${error}`);
      t.match(error, { code, field });
    }
    await t.rejects(client.list({ limit: 0 }), { code: 'TURNO_BAD_REQUEST', field: 'limit' });
    await t.rejects(client.list({ limit: 1.5 }), { code: 'TURNO_BAD_REQUEST', field: 'limit' });
    await t.rejects(client.list({ after: 'x' }), { code: 'TURNO_BAD_REQUEST', field: 'after' });
    await t.rejects(client.submit(HELLO, { wait: 'maybe' as unknown as boolean }), {
      code: 'TURNO_BAD_REQUEST',
      field: 'wait',
    });
    t.equal((await client.health()).rows, before.rows);
  },

  'a large output comes whole': async (t, { client }) => {
    const source = 'import sys\nsys.stdout.write("0123456789abcdef" * (256 * 1024))';
    const reply = await client.submit({ language: 'python', source, limits: { outputKiB: 8_192 } }, { wait: true });
    t.equal(reply.verdict, 'AC');
    t.equal(hashOf(reply.stdout), hashOf('0123456789abcdef'.repeat(256 * 1_024)));
  },

  'binary input and output come byte for byte': async (t, { client }) => {
    const bytes = Buffer.from(Array.from({ length: 1_024 }, (_, i) => i % 256));
    const source = 'import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())';
    const body = { language: 'python', source, stdinBase64: bytes.toString('base64') };
    const reply = await client.submit(body, { wait: true });
    t.same(Buffer.from(reply.stdoutBase64 ?? '', 'base64'), bytes);
  },

  'many requests at once are each answered with their own': async (t, { client }) => {
    const source = 'print(input())';
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        client.submit({ language: 'python', source, stdin: `${i}` }, { wait: true }),
      ),
    );
    t.same(
      replies.map(({ stdout }) => stdout),
      Array.from({ length: 20 }, (_, i) => `${i}\n`),
    );
  },

  'a short request is not held up by a long one': async (t, { client }) => {
    const long = client.submit({ ...LOOP, limits: { cpuTimeMs: 60_000 } }, { wait: true });
    // Answered while the other is under way, or never.
    const { programs } = await until(async () => {
      const turns = await client.turns();
      return turns.programs.length > 0 ? turns : undefined;
    });
    await client.ping();
    for (const { id } of programs) if (id !== null) await client.cancel(id);
    t.match(await long, { verdict: 'cancelled' });
  },

  'a client that is closed in the middle of a request rejects it at once': async (t, { client, open }) => {
    const { token } = await client.register('impatient');
    const own = await open({ token });
    const asked = own.submit({ ...LOOP, limits: { cpuTimeMs: 60_000 } }, { wait: true });
    asked.catch(() => undefined);
    const other = await open({ token });
    const { id } = await until(async () => (await other.list({})).submissions[0]);
    await own.close();
    await t.rejects(asked, { code: 'TURNO_UNREACHABLE', message: /this client was closed/ });
    await other.cancel(id);
  },

  'a client that was closed refuses, and a server that is not there is unreachable': async (t, { address, open }) => {
    const client = await open();
    await client.ping();
    await client.close();
    await client.close();
    await t.rejects(client.ping(), { code: 'TURNO_UNREACHABLE', message: /this client was closed/ });
    const nowhere = await connect(nobodyAt(address));
    await t.rejects(nowhere.ping(), { code: 'TURNO_UNREACHABLE' });
    await nowhere.close();
  },
};

/** Registers the suite as tests of `t`: one server for all, each test with connections of its own. */
export function testTransport(t: Test, { make, skip = [] }: TransportContract): void {
  const unknown = skip.find(({ test }) => !Object.hasOwn(TESTS, test));
  if (unknown !== undefined) throw new RangeError(`skip: no test is called ${JSON.stringify(unknown.test)}`);
  t.test('conformance', async (t) => {
    const { server, address } = await make(t);
    const first = await connect(address);
    const { token } = await first.register('ada');
    await first.close();
    for (const [name, run] of Object.entries(TESTS)) {
      const reason = skip.find(({ test }) => test === name)?.reason;
      await t.test(name, reason === undefined ? {} : { skip: reason }, async (t) => {
        const open = async (options: ConnectOptions = {}) => {
          const client = await connect(address, options);
          t.teardown(() => client.close());
          return client;
        };
        await run(t, { address, open, client: await open({ token }) });
      });
    }
    t.equal(await server.stop(), 0, 'and the server ends in order');
  });
}

/** The same kind of address, where nobody listens. */
function nobodyAt(address: string): string {
  return address.startsWith('unix:') || address.startsWith('signal:')
    ? `${address}-nobody`
    : address.replace(/:\d+$/, ':1');
}

async function settled(client: Client, id: string) {
  return await until(async () => {
    const reply = await client.show(id);
    return reply.state === 'done' ? reply : undefined;
  });
}

async function until<Value>(look: () => Promise<Value | undefined>): Promise<Value> {
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    await setTimeout(10);
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
