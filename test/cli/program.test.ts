/** The command line without a server: what it refuses, and what it says. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';
import { SETTING_NAMES } from '../../src/config.js';
import { flagOf, variableOf } from '../../src/read-settings.js';
import { cli } from './run-cli.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

t.test('--help lists every command, every setting and every variable', async (t) => {
  const { status, out } = await cli(['--help']);
  t.equal(status, 0);
  for (const command of ['serve', 'register', 'submit', 'submissions', 'show', 'get']) t.match(out, ` ${command} `);
  for (const variable of ['TURNO_SERVER', 'TURNO_TOKEN']) t.match(out, variable);
  t.match(out, /Exit status: 0 /);
  for (const name of SETTING_NAMES) {
    t.ok(out.includes(flagOf(name)), flagOf(name));
    t.ok(out.includes(variableOf(name)), variableOf(name));
  }
});

t.test('--version says it', async (t) => {
  t.match(await cli(['--version']), { status: 0, out: /^\d+\.\d+\.\d+\n$/, err: '' });
});

const refused: readonly (readonly [args: string, message: RegExp])[] = [
  ['--max-row 5', /unknown option '--max-row'\s+\(Did you mean --max-rows\?\)/],
  ['submti x', /unknown command "submti"\. Did you mean "submit"\?/],
  ['serve --port x', /--port: expected an integer from 0 to 65535, got "x"/],
  ['submit', /missing required argument 'file'/],
  ['submit x.c --lnguage c', /Did you mean --language/],
  ['get 1', /--source, --executable or --output/],
  ['get 1 --source --output', /cannot be used with/],
  ['show 1 --server nowhere', /--server: expected an address like http/],
  ['show 1 --server ftp://nowhere', /--server: expected an address like http/],
  ['show 1 --server http://127.0.0.1:8040/?x', /--server: expected an address like http/],
  ['show 1 --server http://ada:secret@127.0.0.1:8040', /--server: expected an address like http/],
  ['stress --transport nowhere', /--transport: expected an address like http/],
  ['stress --duration 0', /--duration: expected a number above 0/],
  ['stress --rate 0', /--rate: expected a number above 0/],
  ['stress --rate 1 --concurrency 1', /--rate: expected one of rate .* and concurrency/],
  ['stress --clients 3 --concurrency 2', /--clients: expected at most as many as --concurrency, 2/],
  ['stress --clients 0', /--clients: expected an integer from 1 to 1000, got "0"/],
  ['stress --svg /nowhere/x.svg', /\/nowhere\/x\.svg/],
  ['ctl \u00a0', /ctl: expected a command/],
  ['ctl @x', /ctl: expected a command/],
  ['ctl list --data /nowhere', /\/nowhere\/control: no answer \(ENOENT\).* --data or TURNO_DATA/],
  ['show 1', /No token for http:\/\/127\.0\.0\.1:8040 .*TURNO_NO_TOKEN/],
];
for (const [args, message] of refused) {
  t.test(`turno ${args}: refused with status 2, on stderr`, async (t) => {
    const { status, out, err } = await cli(args.split(' '), { XDG_CONFIG_HOME: t.testdir() });
    t.equal(status, 2);
    t.equal(out, '');
    t.match(err, message);
  });
}

t.test('a mistyped variable is refused by every command', async (t) => {
  const { status, err } = await cli(['show', '1'], { TURNO_SEVER: 'http://x' });
  t.equal(status, 2);
  t.match(err, /TURNO_SEVER: unknown\. Did you mean "TURNO_SERVER"\?/);
});

t.test('no server is told as such, with what to do', async (t) => {
  const environment = { TURNO_SERVER: 'http://127.0.0.1:9', TURNO_TOKEN: 'x' };
  const { status, err } = await cli(['show', '1'], environment);
  t.equal(status, 2);
  t.match(err, /http:\/\/127\.0\.0\.1:9: no answer .*turno serve.*TURNO_UNREACHABLE/);
});

t.test('output that cannot be written is told by the status: half of it is not taken for the whole', async (t) => {
  const run = (script: string) => spawnSync('bash', ['-c', script, process.execPath, MAIN], { encoding: 'utf8' });
  t.match(run('"$0" "$1" --help > /dev/full'), {
    status: 2,
    stderr: /^turno: write on standard output failed: ENOSPC.*TURNO_SYSTEM/,
  });
  // The reader is waited for: it has gone before the first byte.
  t.match(run('exec 3> >(exit 0); wait $!; "$0" "$1" --help >&3'), { status: 141, stderr: '' });
});

t.test('what the kernel refuses is told in a line, without a stack', async (t) => {
  const { status, out, err } = await cli(['table', 'check', '/dev/null']);
  t.match({ status, out }, { status: 2, out: '' });
  t.match(err, /^turno: .*\/dev\/null.*ENOTDIR.*\(TURNO_SYSTEM\)\n$/);
});
