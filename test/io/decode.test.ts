/** Requests: what is taken comes out complete and exact, what is refused names the field, the rule and the value. */

import { t } from 'tap';
import { decodeUserName } from '../../src/io/decode.js';
import { MAX_PATH_BYTES } from '../../src/io/schema.js';
import { readSettings } from '../../src/read-settings.js';
import { decoded, refusal } from './submission-body.js';

const good = { language: 'c', source: 'int main(void) { return 0; }' };

t.test('a request without anything optional has every default filled in', async (t) => {
  t.strictSame(decoded(good), {
    language: 'c',
    files: [{ path: 'main.c', content: Buffer.from(good.source) }],
    stdin: Buffer.alloc(0),
    args: [],
    limits: {
      cpuTimeMs: 2_000,
      wallTimeMs: 6_000,
      memoryMiB: 256,
      processes: 64,
      outputKiB: 1_024,
      fileSizeKiB: 16_384,
      openFiles: 1_024,
    },
    tests: [],
    checker: { kind: 'token' },
    policy: 'all',
    groups: [],
  });
});

t.test('limits given stand, the others keep their defaults', async (t) => {
  t.match(decoded({ ...good, limits: { cpuTimeMs: 60_000 } }).limits, { cpuTimeMs: 60_000, wallTimeMs: 6_000 });
});

t.test('a maximum below a default lowers the default too', async (t) => {
  const settings = readSettings({ maxMemoryMib: '64' }, {});
  t.equal(decoded(good, settings).limits.memoryMiB, 64);
  t.match(refusal({ ...good, limits: { memoryMiB: 65 } }, settings)?.message, /an integer from 4 to 64, got 65/);
});

t.test('the stack has a limit when the submission or the server says so', async (t) => {
  t.equal(decoded({ ...good, limits: { stackKiB: 64 } }).limits.stackKiB, 64);
  t.match(refusal({ ...good, limits: { stackKiB: 63 } })?.message, /from 64 to \d+, got 63/);
  const settings = readSettings({ maxStackKib: '8192' }, {});
  t.equal(decoded(good, settings).limits.stackKiB, 8_192);
  t.match(refusal({ ...good, limits: { stackKiB: 8_193 } }, settings)?.message, /from 64 to 8192, got 8193/);
});

t.test('the main file comes first, whatever its place', async (t) => {
  const files = ['a.c', 'lib/b.c', 'main.c'].map((path) => ({ path, content: path }));
  const request = decoded({ language: 'c', files, main: 'main.c' });
  t.strictSame(
    request.files.map(({ path, content }) => [path, content.toString()]),
    ['main.c', 'a.c', 'lib/b.c'].map((path) => [path, path]),
  );
});

t.test('base64 gives the exact bytes, for files, stdin and tests', async (t) => {
  const bytes = Buffer.from([0, 255, 128, 10]);
  const text = bytes.toString('base64');
  const files = [{ path: 'x.c', content: text, encoding: 'base64' }];
  t.strictSame(decoded({ language: 'c', files }).files[0]?.content, bytes);
  t.strictSame(decoded({ ...good, stdinBase64: text }).stdin, bytes);
  const tests = [{ stdinBase64: text, expectedBase64: text }];
  t.strictSame(decoded({ ...good, tests }).tests, [{ name: '1', stdin: bytes, expected: bytes }]);
});

t.test('a test without an expected answer has none, one with an empty answer has an empty one', async (t) => {
  const { tests } = decoded({ ...good, tests: [{ name: 'runs' }, { name: 'silent', expected: '' }] });
  t.equal(tests[0]?.expected, undefined);
  t.strictSame(tests[1]?.expected, Buffer.alloc(0));
});

const file = (path: string) => ({ language: 'c', files: [{ path, content: '' }] });
const refused: readonly (readonly [name: string, body: unknown, field: string, message: RegExp])[] = [
  ['no object', [], 'body', /expected an object, got an array of 0/],
  ['null', null, 'body', /expected an object, got null/],
  ['nothing', undefined, 'body', /expected an object, got nothing/],
  ['no language', { source: '' }, 'language', /expected text, got nothing/],
  ['an unknown language', { ...good, language: 'pyhton' }, 'language', /one of c, python, got "pyhton".*mean "python"/],
  ['__proto__ as language', { ...good, language: '__proto__' }, 'language', /one of c, python, got "__proto__"/],
  ['constructor as language', { ...good, language: 'constructor' }, 'language', /one of c, python/],
  ['a number as language', { ...good, language: 7 }, 'language', /expected text, got 7 \(number\)/],
  ['an unknown field', { ...good, stdni: '' }, 'stdni', /unknown field\. Did you mean "stdin"/],
  ['__proto__ as a field', JSON.parse('{"language":"c","source":"","__proto__":{}}'), '__proto__', /unknown field/],
  ['an unknown limit', { ...good, limits: { cpuTime: 1 } }, 'limits.cpuTime', /mean "cpuTimeMs"/],
  ['no source', { language: 'c' }, 'source', /got neither/],
  ['source and files', { ...good, files: [{ path: 'a', content: '' }] }, 'files', /not together with `source`/],
  ['source and main', { ...good, main: 'main.c' }, 'main', /not together with `source`/],
  ['no files', { language: 'c', files: [] }, 'files', /an array of 1 to 100 items, got an array of 0/],
  ['half a character in the source', { ...good, source: '\ud800' }, 'source', /surrogate/],
  [
    'a text as limit',
    { ...good, limits: { cpuTimeMs: '2s' } },
    'limits.cpuTimeMs',
    /an integer from 1 to 60000, got "2s" \(string\)/,
  ],
  ['a fractional limit', { ...good, limits: { cpuTimeMs: 1.5 } }, 'limits.cpuTimeMs', /got 1\.5 \(number\)/],
  ['a negative limit', { ...good, limits: { memoryMiB: -1 } }, 'limits.memoryMiB', /from 4 to 4096, got -1/],
  ['no time at all', { ...good, limits: { wallTimeMs: 0 } }, 'limits.wallTimeMs', /from 1 to 120000, got 0/],
  ['too many processes', { ...good, limits: { processes: 513 } }, 'limits.processes', /from 1 to 512, got 513/],
  ['too few open files', { ...good, limits: { openFiles: 3 } }, 'limits.openFiles', /from 4 to 4096, got 3/],
  ['an absurd limit', { ...good, limits: { outputKiB: 1e300 } }, 'limits.outputKiB', /got 1e\+300/],
  [
    'an infinite limit',
    JSON.parse('{"language":"c","source":"","limits":{"fileSizeKiB":1e999}}'),
    'limits.fileSizeKiB',
    /got Infinity/,
  ],
  ['null as limits', { ...good, limits: null }, 'limits', /expected an object, got null/],
  ['an argument with NUL', { ...good, args: ['a', 'b\0c'] }, 'args[1]', /NUL/],
  ['a number as argument', { ...good, args: [1] }, 'args[0]', /expected text.*got 1 \(number\)/],
  ['too many arguments', { ...good, args: Array(101).fill('') }, 'args', /at most 100 items, got an array of 101/],
  ['stdin twice', { ...good, stdin: '', stdinBase64: '' }, 'stdinBase64', /not together with `stdin`/],
  ['base64 with a stranger in it', { ...good, stdinBase64: 'ab!d' }, 'stdinBase64', /expected base64/],
  ['base64 without its padding', { ...good, stdinBase64: 'YQ' }, 'stdinBase64', /expected base64/],
  ['base64 with bits left over', { ...good, stdinBase64: 'YR==' }, 'stdinBase64', /expected base64/],
  ['base64 with a newline', { ...good, stdinBase64: 'YWFh\n' }, 'stdinBase64', /expected base64/],
  [
    'an unknown encoding',
    { language: 'c', files: [{ path: 'a', content: '', encoding: 'hex' }] },
    'files[0].encoding',
    /one of "utf8", "base64", got "hex"/,
  ],
  ['stdin beside tests', { ...good, stdin: 'x', tests: [{}] }, 'stdin', /only without `tests`/],
  ['no tests in tests', { ...good, tests: [] }, 'tests', /1 to 1000 items, got an array of 0/],
  ['two tests of one name', { ...good, tests: [{ name: 'a' }, { name: 'a' }] }, 'tests[1].name', /two tests/],
  ['a name that is the number of another test', { ...good, tests: [{ name: '2' }, {}] }, 'tests[1].name', /two tests/],
  ['an unknown field of a test', { ...good, tests: [{ expect: '' }] }, 'tests[0].expect', /mean "expected"/],
  ['a checker without tests', { ...good, checker: { kind: 'exact' } }, 'checker', /only with `tests`/],
  [
    'an unknown checker',
    { ...good, tests: [{}], checker: { kind: 'fuzzy' } },
    'checker.kind',
    /one of "exact", "token", .*"float"/,
  ],
  [
    'two ways to say an epsilon',
    { ...good, tests: [{}], checker: { kind: 'float', epsilon: 1e-6, relativeEpsilon: 1e-6 } },
    'checker.epsilon',
    /absoluteEpsilon/,
  ],
  [
    'an epsilon for tokens',
    { ...good, tests: [{}], checker: { kind: 'token', epsilon: 1 } },
    'checker.epsilon',
    /float/,
  ],
  [
    'a negative epsilon',
    { ...good, tests: [{}], checker: { kind: 'float', epsilon: -1 } },
    'checker.epsilon',
    /from 0 to 1/,
  ],
  [
    'two files and no main',
    {
      language: 'c',
      files: [
        { path: 'a', content: '' },
        { path: 'b', content: '' },
      ],
    },
    'main',
    /one of `files`/,
  ],
  ['a main that is no file', { ...file('main.c'), main: 'mian.c' }, 'main', /mean "main.c"/],
  [
    'two files of one name',
    {
      ...file('a'),
      files: [
        { path: 'a', content: '' },
        { path: 'a', content: '' },
      ],
      main: 'a',
    },
    'files',
    /two files/,
  ],
  [
    'a file that is a directory too',
    {
      language: 'c',
      files: [
        { path: 'a', content: '' },
        { path: 'a/b', content: '' },
      ],
      main: 'a',
    },
    'files',
    /directory/,
  ],
];
for (const [name, body, field, message] of refused) {
  t.test(`${name} is refused, naming ${field}`, async (t) => {
    const error = refusal(body);
    t.match(error, { code: 'TURNO_BAD_REQUEST', details: { field } });
    t.match(error?.message, message);
  });
}

for (const path of [
  '../x',
  '/etc/passwd',
  'a/../../b',
  '..',
  '.',
  './a',
  'a//b',
  'a/',
  '',
  'a\0b',
  'a\nb',
  'a\u0085b',
  'x'.repeat(MAX_PATH_BYTES + 1),
  'é'.repeat(MAX_PATH_BYTES / 2 + 1),
  '\ud800',
  '.turno-manifest',
  '.turno-prepared/x',
]) {
  t.test(`the file name ${JSON.stringify(path.slice(0, 20))} (${path.length} characters) is refused`, async (t) => {
    t.match(refusal(file(path)), { code: 'TURNO_BAD_REQUEST', details: { field: 'files[0].path' } });
  });
}

for (const path of [
  'a',
  'a/b/c.c',
  '-x.c',
  '@x',
  'é.c',
  '..a',
  'a..b',
  'x'.repeat(MAX_PATH_BYTES),
  'with blank.c',
  '__proto__',
  'a/.turno-x',
]) {
  t.test(`the file name ${JSON.stringify(path.slice(0, 20))} (${path.length} characters) is taken`, async (t) => {
    t.equal(decoded(file(path)).files[0]?.path, path);
  });
}

t.test(
  'a source beyond its maximum is too large, naming field and sizes; one of exactly the maximum is taken',
  async (t) => {
    const settings = readSettings({ maxSourceKib: '1' }, {});
    t.equal(refusal({ ...good, source: 'x'.repeat(1_024) }, settings), undefined);
    const error = refusal({ ...good, source: 'é'.repeat(513) }, settings);
    t.match(error, { code: 'TURNO_TOO_LARGE', status: 413, details: { field: 'source', limit: 1_024, found: 1_026 } });
    const files = [{ path: 'a', content: Buffer.alloc(1_025).toString('base64'), encoding: 'base64' }];
    t.match(refusal({ language: 'c', files }, settings), { details: { field: 'files[0].content', found: 1_025 } });
  },
);

t.test('a refused value of megabytes is not sent back whole', async (t) => {
  for (const body of [
    { ...good, language: 'x'.repeat(1e6) },
    { ...good, ['x'.repeat(1e6)]: 1 },
    file('x'.repeat(1e6)),
  ]) {
    t.ok((refusal(body)?.message.length ?? Number.POSITIVE_INFINITY) < 500);
  }
});

t.test('user names are text of at most 128 bytes, without control characters or blanks around', async (t) => {
  for (const name of ['ada', 'Ada Lovelace', 'Ωmega', 'x'.repeat(128)]) t.equal(decodeUserName({ name }), name);
  for (const name of [' ada', 'ada ', 'a\nb', 'a\u200bb', 'é'.repeat(65), '\udfff']) {
    t.throws(() => decodeUserName({ name }), { code: 'TURNO_BAD_REQUEST', details: { field: 'name' } });
  }
});
