/** The signal transport against lost signals, dead and evil clients, other uids, dying fronts. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';
import { connect } from '../../src/io/connect.js';
import { SLOT_BYTES, SLOT_COUNT, State, stateOf, wordOf } from '../../src/io/mailbox-layout.js';
import { processNamed } from '../../src/io/peer.js';
import { RawMailbox } from '../io/raw-mailbox.js';
import { startServer } from '../start-server.js';

const SLEEP = { language: 'python', source: 'import time\ntime.sleep(1)' };
const PING = { op: 'ping' };

t.test('one server', async (t) => {
  const server = await startServer(t, { args: ['--signals', 'on'] });
  const address = server.address('signal');
  const [raw] = RawMailbox.all(server.data);
  if (raw === undefined) throw new Error('no mailbox');
  const client = await connect(address);
  t.teardown(() => client.close());
  await client.ping(); // from here on this process has a handler for rings

  t.test('a request whose ring was lost is found by the scan, and by nothing before', async (t) => {
    const scans = raw.box.scans;
    const { slot } = raw.post(PING);
    // Other requests come and go meanwhile: only a ring or the scan leads to a slot.
    let moved = 0;
    while (raw.box.scans === scans) {
      await client.ping();
      if (stateOf(raw.box.word(slot)) !== State.posted && raw.box.scans === scans) moved++;
    }
    t.equal(moved, 0);
    t.equal(await raw.settled(slot), State.answered);
    t.same(raw.collect(slot), { isError: false, value: {} });
  });

  t.test('one ring is enough for many slots, and marks without a request change nothing', async (t) => {
    const count = 40;
    let isByRing = false;
    for (let attempt = 0; attempt < 5 && !isByRing; attempt++) {
      const { scans } = raw.box;
      const slots = Array.from({ length: count }, () => raw.post(PING).slot);
      for (const slot of slots) raw.box.mark('POSTED', slot);
      for (let slot = 0; slot < count; slot++) raw.box.mark('ANSWERED', slot); // of nobody
      raw.ring(slots.at(-1) ?? 0);
      for (const slot of slots) t.equal(await raw.settled(slot), State.answered);
      for (const slot of slots) t.same(raw.collect(slot), { isError: false, value: {} });
      isByRing = raw.box.scans === scans; // or the scan was in between and may have found them
    }
    t.ok(isByRing);
    for (let slot = 0; slot < SLOT_COUNT; slot++) raw.box.mark('POSTED', slot);
    raw.ring(0);
    await client.ping();
  });

  t.test('slots of a client that died are set free, claimed or answered', async (t) => {
    const child = spawn('sleep', ['1000']);
    const owner = processNamed(child.pid ?? 0);
    if (owner === undefined) throw new Error('no child');
    const claimed = raw.claim(owner);
    const answered = raw.claim(owner);
    raw.box.swap(answered.slot, answered.word, wordOf(State.answered, 0, owner.pid));
    const { scans } = raw.box;
    while (raw.box.scans < scans + 3) await soon();
    t.equal(stateOf(raw.box.word(claimed.slot)), State.claimed, 'while it lives they are its own');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await raw.freed(claimed.slot);
    await raw.freed(answered.slot);
    await server.logged(/slot of nobody/);
  });

  t.test('a process that has no handler is not signalled, whoever names it', async (t) => {
    const child = spawn('sleep', ['1000']);
    t.teardown(() => child.kill('SIGKILL'));
    const owner = processNamed(child.pid ?? 0);
    if (owner === undefined) throw new Error('no child');
    const { slot } = raw.post(PING, owner);
    raw.ring(slot);
    await raw.freed(slot);
    t.equal(child.exitCode ?? child.signalCode, null);
    await server.logged(/no handler/);
    const late = { ...owner, startTime: owner.startTime + 1n };
    for (const nobody of [late, { ...owner, pid: 0 }, { ...owner, pid: 2 ** 22 - 1 }]) {
      const other = raw.post(PING, nobody);
      raw.ring(other.slot);
      await raw.freed(other.slot);
    }
  });

  t.test('a part that is not valid is answered with an error and logged; the slot is free again', async (t) => {
    const { slot, word } = raw.claim();
    raw.box.write(slot, word, { bytes: Buffer.from('xx'), offset: 0, isError: false }, State.claimed);
    raw.bytes[raw.at(slot) + 64] = 0;
    raw.box.swap(slot, word, wordOf(State.posted, 0, process.pid) | (word & 0x3f8));
    raw.ring(slot);
    t.equal(await raw.settled(slot), State.answered);
    t.match(raw.collect(slot), { isError: true, value: { error: { code: 'TURNO_FRAME', message: /CHECKSUM/ } } });
    await server.logged(/"problem":"CHECKSUM does not match"/);
  });

  t.test('what a client asked and no longer wants leaves no slot behind', async (t) => {
    const { token } = await client.register('impatient');
    const own = await connect(address, { token });
    const asked = own.submit(SLEEP, { wait: true });
    asked.catch(() => undefined);
    while (![...raw.box.taken()].some(({ state }) => state === State.taken)) await soon();
    await own.close();
    await t.rejects(asked, { code: 'TURNO_UNREACHABLE' });
    while ([...raw.box.taken()].length > 0) await soon();
  });

  t.test('a client killed in mid-request: its submission has one final row, its slot is free', async (t) => {
    const { token } = await client.register('killed');
    const own = await connect(address, { token });
    const child = spawnClient(address, token);
    while ((await own.list({})).submissions.length === 0) await soon();
    child.kill('SIGKILL');
    await once(child, 'exit');
    await server.idle();
    const rows = (await own.list({})).submissions.map(({ state, verdict }) => ({ state, verdict }));
    t.strictSame(rows, [{ state: 'done', verdict: 'AC' }]);
    while ([...raw.box.taken()].length > 0) await soon();
    await own.close();
  });

  t.test('another uid is refused and told of the Unix socket', async (t) => {
    const script = `
      process.setgid(65534); process.setuid(65534);
      const { connect } = await import(${JSON.stringify(new URL('../../src/io/connect.js', import.meta.url).href)});
      await (await connect(${JSON.stringify(address)})).ping().catch((error) => console.log(error.code, error.message));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    t.match(stdout, /^TURNO_OTHER_UID .*--server unix:PATH/);
  });
});

t.test(
  'a front killed under load: what it had taken is told as lost and has one final row, the rest goes on',
  async (t) => {
    const server = await startServer(t, { args: ['--signals', 'on', '--fronts', '2'] });
    const address = server.address('signal');
    const { token } = await (await connect(address)).register('ada');
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(address, { token })));
    const outcomes = clients.flatMap((client) =>
      Array.from({ length: 5 }, (_, i) =>
        client.submit({ language: 'python', source: `print(${i})` }, { wait: true }).then(
          ({ verdict }) => verdict,
          (error) => error.code,
        ),
      ),
    );
    await Promise.race(outcomes);
    const [front = 0] = server.fronts;
    process.kill(front, 'SIGKILL');
    const results = await Promise.all(outcomes);
    t.ok(
      results.every((result) => result === 'AC' || result === 'TURNO_UNREACHABLE'),
      String(results),
    );
    const client = await connect(address, { token });
    await client.ping();
    await server.idle();
    const { submissions } = await client.list({ limit: 500 });
    const answered = results.filter((result) => result === 'AC').length;
    t.ok(
      submissions.length >= answered && submissions.length <= 20,
      `${submissions.length} rows, ${answered} answered`,
    );
    t.ok(submissions.every(({ verdict }) => verdict === 'AC'));
    for (const one of [...clients, client]) await one.close();
  },
);

t.test('a client that gives up between two parts of its request does not hold up the end of the server', async (t) => {
  const server = await startServer(t, { args: ['--signals', 'on'] });
  const client = await connect(server.address('signal'));
  await client.ping();
  await client.close();
  const [raw] = RawMailbox.all(server.data);
  if (raw === undefined) throw new Error('no mailbox');
  const { slot, word } = raw.claim();
  raw.box.write(slot, word, { bytes: Buffer.alloc(3 * SLOT_BYTES), offset: 0, isError: false }, State.posted);
  raw.ring(slot);
  while (stateOf(raw.box.word(slot)) !== State.claimed) await soon(); // its turn again
  raw.box.free(slot, raw.box.word(slot));
  const { scans } = raw.box;
  while (raw.box.scans < scans + 2) await soon();
  const startMs = performance.now();
  t.equal(await server.stop(), 0);
  // Half of the deadline of a server's end (primary.ts) is what it would wait for the rest of the request.
  t.ok(performance.now() - startMs < 2_500, `${performance.now() - startMs} ms`);
});

/** Programs run below everything: whoever asks all the time would leave them no core. */
async function soon(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 10));
}

function spawnClient(address: string, token: string): ChildProcess {
  const script = `const { connect } = await import(${JSON.stringify(new URL('../../src/io/connect.js', import.meta.url).href)});
    const client = await connect(${JSON.stringify(address)}, { token: ${JSON.stringify(token)} });
    await client.submit(${JSON.stringify(SLEEP)}, { wait: true });`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: 'inherit',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
}
