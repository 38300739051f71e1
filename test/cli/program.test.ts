/** The command line without a server: what it refuses, and what it says. */

import { t } from 'tap';
import { flagOf, SETTING_NAMES, variableOf } from '../../src/config.js';
import { cli } from './run-cli.js';

t.test('--help lists every command, every setting and every variable', async (t) => {
  const { status, out } = await cli(['--help']);
  t.equal(status, 0);
  for (const command of ['serve', 'register', 'submit', 'submissions', 'show', 'get']) t.match(out, ` ${command} `);
  for (const name of SETTING_NAMES) {
    t.ok(out.includes(flagOf(name)), flagOf(name));
    t.ok(out.includes(variableOf(name)), variableOf(name));
  }
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
