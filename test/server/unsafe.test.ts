/** Running without a sandbox: refused unless it is asked for, and said everywhere when it is. */

import { existsSync, readlinkSync } from 'node:fs';
import { t } from 'tap';
import { cli } from '../cli/run-cli.js';
import { descendantsOf, StartFailure, startServer, type TestServer } from '../start-server.js';

const isRoot = process.getuid?.() === 0;
const needsRoot = isRoot && existsSync('/usr/bin/setpriv') ? false : 'needs root and setpriv';
/** Root, but not enough of it to make a namespace. */
const CRIPPLED = ['setpriv', '--inh-caps=-sys_admin', '--bounding-set=-sys_admin'];
const UNSAFE = ['--unsafe-no-sandbox'];

/** Those of other tests, which may run beside this one, come and go; these are the cells' of one server. */
const directoriesOf = (server: TestServer) =>
  new Set(descendantsOf(server.pid).flatMap((pid) => /\/tmp\/turno-cell-\w+/.exec(workingDirectory(pid))?.[0] ?? []));

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return ''; // it has ended meanwhile
  }
}

t.test(
  'where no sandbox can be made the server does not start, unless it is told to',
  { skip: needsRoot },
  async (t) => {
    const failure = await startServer(t, { under: CRIPPLED }).catch((error) => error);
    t.ok(failure instanceof StartFailure);
    t.match(failure.log, /TURNO_NO_SANDBOX/);
    t.match(failure.log, /--unsafe-no-sandbox/);
    const server = await startServer(t, { under: CRIPPLED, args: UNSAFE });
    const token = await server.register('ada');
    t.match(await server.judge(token, { language: 'c', source: 'int main(void) { return 0; }' }), { verdict: 'AC' });
  },
);

t.test('without a sandbox everything says so', async (t) => {
  const server = await startServer(t, { args: UNSAFE });
  t.match(server.startLine, /sandbox NONE \(unsafe\)/);
  await server.logged(/without any sandbox/);
  const health = await server.request('GET', '/v1/health');
  t.ok(health.body.sandbox.includes('NONE (unsafe)'));
  t.equal(health.headers.get('turno-sandbox'), 'none');
  t.equal((await server.request('GET', '/v1/nowhere')).headers.get('turno-sandbox'), 'none', 'a refusal too');
  const token = await server.register('ada');
  const reply = await server.judge(token, {
    language: 'c',
    source: '#include <stdio.h>\nint main(void) { int a; scanf("%d", &a); printf("%d\\n", a + 1); return 0; }',
    stdin: '41\n',
  });
  t.match(reply, { verdict: 'AC', stdout: '42\n', sandbox: 'none' });
  t.equal((await server.show(token, reply.id)).sandbox, 'none');
  const { out } = await cli(['show', reply.id, '--server', server.url], { TURNO_TOKEN: token });
  t.match(out, /NO SANDBOX/);
  const directories = [...directoriesOf(server)];
  t.ok(directories.length > 0 && directories.every(existsSync));
  await server.stop();
  t.strictSame(directories.filter(existsSync), [], 'no directory of a cell is left');
});

t.test('check says what is lost without a sandbox', async (t) => {
  const { out, status } = await cli(['check', '--unsafe-no-sandbox']);
  t.match(out, /CAUTION without a sandbox.*NONE.*; costs: .*:\nenv -u TURNO_UNSAFE_NO_SANDBOX turno serve\n/);
  t.ok(status > 0);
  t.notMatch((await cli(['check'])).out, /without a sandbox/);
  t.match((await cli(['check'], { TURNO_UNSAFE_NO_SANDBOX: 'true' })).out, /without a sandbox/);
});
