/** Languages that are files of the data directory: offered at the start and after `reload`, and what is said of wrong ones. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, t } from 'tap';
import { readSettings } from '../../src/read-settings.js';
import { loadLanguages } from '../../src/server/languages.js';
import { cli } from '../cli/run-cli.js';
import { startServer } from '../start-server.js';

const PATH = process.env.PATH ?? '';
/** As docs/languages.md has it. */
const PERL = {
  name: 'Perl 5',
  extension: '.pl',
  tool: 'perl',
  version: ['-e', 'print substr($^V, 1)'],
  run: { command: ['{tool}', '{main}'], env: { PERL_HASH_SEED: '0' } },
  selfTest: 'print while <>;\n',
};
/** Compiled to a script that greets before it does anything. */
const GREETING = {
  name: 'Greeting',
  extension: '.greet',
  tool: '/bin/sh',
  version: ['-c', 'echo 1.0'],
  compile: {
    command: ['{tool}', '-c', 'grep -q hello "$1" && cat "$@" > {program}', 'sh', '{sources}'],
    limits: { cpuTimeMs: 1_000, processes: 8 },
  },
  run: { command: ['/bin/cat', '{program}'] },
};

function directoryWith(t: Test, files: Readonly<Record<string, unknown>>): string {
  const data = mkdtempSync(join(tmpdir(), 'turno-test-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  put(data, files);
  return data;
}

function put(data: string, files: Readonly<Record<string, unknown>>): void {
  mkdirSync(join(data, 'languages'), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(data, 'languages', name), text);
  }
}

t.test('a language is added by a file, at the start and while the server runs', async (t) => {
  const data = directoryWith(t, { 'perl.json': PERL });
  const server = await startServer(t, { data });
  const token = await server.register('ada');
  const ids = async () =>
    (await server.request('GET', '/v1/languages')).body.languages.map(({ id }: { id: string }) => id);
  t.ok((await ids()).includes('perl'));
  const source = 'my ($a, $b) = split " ", <STDIN>; print $a + $b, " $ENV{PERL_HASH_SEED}\\n";';
  const tests = [{ stdin: '3 4\n', expected: '7 0\n' }];
  t.match(await server.judge(token, { language: 'perl', source, tests }), { verdict: 'AC' });
  t.match(await server.judge(token, { language: 'perl', source: 'die "oops"' }), {
    verdict: 'RE',
    stderr: 'oops at main.pl line 1.\n',
  });

  const ctl = () => cli(['ctl', 'reload', '--data', data]);
  put(data, { 'greeting.json': { ...GREETING, extension: 'greet' } });
  t.match(await ctl(), { status: 2, err: /greeting\.json: extension: expected an extension with its dot.*"greet"/ });
  t.notOk((await ids()).includes('greeting'), 'a wrong file changes nothing');
  put(data, { 'greeting.json': { ...GREETING, mounts: ['/opt'] } });
  t.match(await ctl(), { status: 0, out: /"greeting"/ });
  while (!(await ids()).includes('greeting'));
  const greet = (text: string) => server.judge(token, { language: 'greeting', source: text });
  t.match(await greet('hello\n'), { verdict: 'AC', stdout: 'hello\n', compile: { exitCode: 0 } });
  t.match(await greet('good bye\n'), { verdict: 'CE', compile: { exitCode: 1 } });
  t.match(
    await server.judge(token, { language: 'perl', source, tests }),
    { verdict: 'AC' },
    'in a cell with the mount',
  );

  const listed = await cli(['languages', '--server', server.url]);
  t.match(listed.out, /^greeting +\.greet +1\.0 +Greeting$/m);
  rmSync(join(data, 'languages/perl.json'));
  t.match(await ctl(), { status: 0 });
  while ((await ids()).includes('perl'));
  const refused = await server.request('POST', '/v1/submissions', { token, body: { language: 'perl', source } });
  t.match(refused, { status: 400, body: { error: { field: 'language' } } });
});

const WRONG: readonly [name: string, content: unknown, says: RegExp][] = [
  ['perl.json', '{"name": ', /perl\.json: the file: expected JSON, got what cannot be read/],
  ['perl.json', [], /the file: expected an object, got an array of 0/],
  ['perl.json', { ...PERL, name: 7 }, /name: expected text of 1 to 60 characters, got 7 \(number\)/],
  ['perl.json', { ...PERL, comand: [] }, /comand: unknown field/],
  ['perl.json', { ...PERL, run: { comand: ['x'] } }, /run\.(command: expected an array|comand: unknown field)/],
  [
    'perl.json',
    { ...PERL, tool: 'a b' },
    /tool: expected the name of a command on the PATH, or its absolute path, got "a b"/,
  ],
  ['perl.json', { ...PERL, family: 'jvm' }, /family: expected one of "native", "virtual-machine", got "jvm"/],
  ['perl.json', { ...PERL, run: { command: ['perl', '{main}'] } }, /run\.command\[0\]: expected \{tool\}.*got "perl"/],
  [
    'perl.json',
    { ...PERL, run: { command: ['{tool}', '{mian}'] } },
    /run\.command\[1\]: .*"\{mian\}".*Did you mean "main"/,
  ],
  ['perl.json', { ...PERL, run: { command: ['{tool}', '{program}'] } }, /run\.command\[1\]: expected \{main\}/],
  ['greet.json', { ...GREETING, run: { command: ['/bin/cat', '{main}'] } }, /run\.command\[1\]: expected \{program\}/],
  [
    'greet.json',
    { ...GREETING, compile: { ...GREETING.compile, limits: { processes: 0 } } },
    /compile\.limits\.processes: expected an integer from 1 to 4096, got 0/,
  ],
  ['perl.json', { ...PERL, outOfMemory: '(' }, /outOfMemory: expected a regular expression, got "\("/],
  ['perl.json', { ...PERL, mounts: ['/etc'] }, /mounts\[0\]: \/etc is refused/],
  ['python.json', PERL, /the file name: python is a language of turno itself/],
  ['Perl 5.json', PERL, /the file name: expected 1 to 32 of a-z/],
];

t.test('a file that makes no sense is told with its path, field, rule and what was found', async (t) => {
  for (const [name, content, says] of WRONG) {
    const data = directoryWith(t, { [name]: content });
    const settings = readSettings({ data }, {});
    const error = await loadLanguages(settings, PATH).then(
      () => undefined,
      (reason) => reason,
    );
    t.match(error, { code: 'TURNO_LANGUAGE', message: says }, String(says));
    t.match(error?.message, join(data, 'languages', name));
  }
});

t.test('a language whose tool is not there is only not offered', async (t) => {
  const data = directoryWith(t, { 'perl.json': { ...PERL, tool: 'no-such-perl' }, 'README.md': 'no language' });
  const { offered, absent } = await loadLanguages(readSettings({ data }, {}), PATH);
  t.notOk(offered.some(({ id }) => id === 'perl'));
  t.match(
    absent.find(({ id }) => id === 'perl'),
    { name: 'Perl 5', reason: 'no no-such-perl on the PATH' },
  );
});
