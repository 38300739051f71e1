/** Packages: what is read out of good ones, and what is said of broken ones. */

import { zipSync } from 'fflate';
import { t } from 'tap';
import type { TurnoError } from '../../src/errors.js';
import { readPackage } from '../../src/problems/package.js';
import { filesOfZip, zipOf } from '../../src/problems/package-files.js';

type Texts = Readonly<Record<string, string>>;
const files = (texts: Texts) =>
  new Map(Object.entries(texts).map(([path, text]) => [path, Buffer.from(text)] as const));

const GOOD: Texts = {
  'problem.yaml': 'name: Sum\nvalidator_flags: float_tolerance 1e-4\nlimits: {memory: 512, output: 2}\n',
  '.timelimit': '1.5\n',
  'problem_statement/problem.en.tex': 'Add.',
  'data/sample/1.in': '1 2',
  'data/sample/1.ans': '3',
  'data/secret/10.in': '',
  'data/secret/10.ans': '',
  'data/secret/2.in': '',
  'data/secret/2.ans': '',
  'input_validators/check.py': '',
  'submissions/accepted/sum.c': '',
  'submissions/wrong_answer/sum/main.cpp': '',
  'submissions/wrong_answer/sum/part.cpp': '',
};

t.test('a Kattis package is read: samples first, numbers in their order, limits, flags, programs', async (t) => {
  t.match(readPackage(files(GOOD), 'sum'), {
    title: 'Sum',
    statement: 'problem_statement/problem.en.tex',
    isInteractive: false,
    checker: {
      kind: 'built-in',
      choice: { kind: 'float', absoluteEpsilon: 1e-4, relativeEpsilon: 1e-4, ignoreCase: true },
    },
    limits: { cpuTimeMs: 1_500, memoryMiB: 512, outputKiB: 2_048 },
    plan: { policy: 'first-failure', groups: { length: 0 } },
    tests: [{ name: 'sample/1', isSample: true }, { name: '2', isSample: false }, { name: '10' }],
    inputValidators: [{ language: 'python', files: ['input_validators/check.py'], root: 'input_validators/' }],
    submissions: [
      { folder: 'accepted', expected: ['AC'], language: 'c' },
      {
        folder: 'wrong_answer',
        expected: ['WA'],
        language: 'cpp',
        files: ['submissions/wrong_answer/sum/main.cpp', 'submissions/wrong_answer/sum/part.cpp'],
        root: 'submissions/wrong_answer/sum/',
      },
    ],
    showsTests: false,
  });
});

t.test('the text of a problem is English, or in whatever language there is one', async (t) => {
  const { 'problem_statement/problem.en.tex': _, ...none } = GOOD;
  const statement = (...names: string[]) => {
    const texts = Object.fromEntries(names.map((name) => [`problem_statement/${name}`, '']));
    return readPackage(files({ ...none, ...texts }), 'sum').statement;
  };
  t.equal(statement(), null);
  t.equal(statement('problem.sv.tex', 'problem.pt-BR.tex'), 'problem_statement/problem.pt-BR.tex');
  t.equal(statement('problem.sv.md', 'problem.en.pdf'), 'problem_statement/problem.en.pdf');
  t.equal(statement('figure.sv.md'), null);
});

t.test('groups of a scoring problem have points, and a rule of their own', async (t) => {
  const read = readPackage(
    files({
      'problem.yaml': 'type: scoring\n',
      'data/testdata.yaml': 'on_reject: continue\n',
      'output_validators/check.py': '',
      'data/sample/1.in': '',
      'data/sample/1.ans': '',
      'data/secret/easy/testdata.yaml': 'accept_score: 30\n',
      'data/secret/easy/1.in': '',
      'data/secret/easy/1.ans': '',
      'data/secret/hard/testdata.yaml': 'accept_score: 35\ngrader_flags: sum\noutput_validator_flags: loose 3\n',
      'data/secret/hard/1.in': '',
      'data/secret/hard/1.ans': '',
      'data/secret/hard/2.in': '',
      'data/secret/hard/2.ans': '',
    }),
    'points',
  );
  t.strictSame(read.plan, {
    policy: 'all',
    groups: [
      { name: 'sample', points: 0, scoring: 'min', policy: 'all' },
      { name: 'easy', points: 30, scoring: 'min', policy: 'all' },
      { name: 'hard', points: 70, scoring: 'sum', policy: 'all' },
    ],
    tests: [0, 1, 2, 2],
  });
  t.match(read.tests, [{}, { name: 'easy/1' }, { name: 'hard/1', checkerFlags: ['loose', '3'] }, {}]);
});

t.test('the newer version: test_group.yaml, files of single tests, data for validators only', async (t) => {
  const texts = {
    'problem.yaml': 'type: scoring\nproblem_format_version: 2025-09\n',
    'data/sample/1.in': '',
    'data/sample/1.ans': '',
    'data/secret/test_group.yaml': 'max_score: 100\noutput_validator_args: [case_sensitive]\n',
    'data/secret/a/test_group.yaml': 'max_score: 30\n',
    'data/secret/a/1.in': '',
    'data/secret/a/1.ans': '',
    'data/secret/b/test_group.yaml': 'max_score: 70\nscore_aggregation: sum\nfull_feedback: true\n',
    'data/secret/b/1.in': '',
    'data/secret/b/1.ans': '',
    'data/secret/b/1.yaml': 'output_validator_args: ["float_tolerance", "1e-3"]\nhint: think\n',
    'data/secret/b/2.in': '',
    'data/secret/b/2.ans': '',
    'data/secret/b/2.yaml': 'full_feedback: false\n',
    'data/invalid_input/1.in': 'x',
    'data/invalid_output/1.in': '',
    'data/invalid_output/1.ans': '',
    'data/invalid_output/1.out': '',
  };
  const read = readPackage(files(texts), 'new');
  t.strictSame(read.plan, {
    policy: 'all',
    groups: [
      { name: 'sample', points: 0, scoring: 'min', policy: 'first-failure' },
      { name: 'a', points: 30, scoring: 'min', policy: 'first-failure' },
      { name: 'b', points: 70, scoring: 'sum', policy: 'all' },
    ],
    tests: [0, 1, 2, 2],
  });
  t.match(read.invalidInputs, [{ name: 'invalid_input/1', input: 'data/invalid_input/1.in' }]);
  const [sample, a, shown, hidden] = read.tests;
  t.match(read.checker, { choice: { kind: 'case-insensitive' } });
  t.match([sample?.checker, a?.checker, a?.isShown], [undefined, { kind: 'token' }, undefined]);
  t.match(shown, { isShown: true, checker: { kind: 'float', absoluteEpsilon: 1e-3 } });
  t.match([hidden?.isShown, hidden?.checker], [undefined, { kind: 'token' }]);

  const bare = { 'problem.yaml': texts['problem.yaml'], 'data/secret/x/1.in': '', 'data/secret/x/1.ans': '' };
  t.match(
    readPackage(files({ ...bare, 'data/secret/2.in': '', 'data/secret/2.ans': '' }), 'new').plan.groups,
    [{ name: 'secret', points: 100, scoring: 'sum' }],
    'a directory without the file is no group',
  );
  const broken: readonly (readonly [Texts, RegExp])[] = [
    [{ 'data/secret/a/test_group.yaml': '' }, /a\/test_group.yaml: max_score: expected points.*found nothing/],
    [{ 'data/secret/a/test_group.yaml': 'max_score: unbounded' }, /found "unbounded"/],
    [{ 'data/secret/a/test_group.yaml': 'max_score: 1\nrequire_pass: sample' }, /require_pass: is not done/],
    [{ 'data/secret/a/test_group.yaml': 'max_score: 1\non_reject: break' }, /unknown key "on_reject"/],
    [{ 'data/secret/a/testdata.yaml': '' }, /another version of the format/],
    [{ 'data/secret/test_group.yaml': 'score_aggregation: min' }, /score_aggregation: expected sum/],
    [{ 'data/secret/0.in': '', 'data/secret/0.ans': '' }, /groups or tests, found both/],
    [{ 'data/secret/a/1.yaml': 'args: ["-v"]' }, /a\/1.yaml: args: is not done/],
    [{ 'data/secret/a/1.files/x': '' }, /data\/secret\/a\/1.files: files beside/],
  ];
  for (const [changes, words] of broken) {
    t.match(refusal(() => readPackage(files({ ...texts, ...changes }), 'new'))?.message, words);
  }
});

t.test('all tests are run where the secret ones are not to be broken off', async (t) => {
  const policy = (path: string, word: string) =>
    readPackage(files({ ...GOOD, [path]: `on_reject: ${word}\n` }), 'x').plan.policy;
  t.equal(policy('data/testdata.yaml', 'continue'), 'all');
  t.equal(policy('data/secret/testdata.yaml', 'continue'), 'all');
  t.equal(policy('data/sample/testdata.yaml', 'continue'), 'first-failure');
});

t.test('a plain directory is a problem too', async (t) => {
  const read = readPackage(files({ '1.in': '', '1.out': '', '2.in': '', '2.ans': '', 'checker.cpp': '' }), 'plain');
  t.match(read, {
    title: 'plain',
    checker: { kind: 'program', protocol: 'testlib', program: { language: 'cpp' } },
    plan: { policy: 'all', groups: { length: 0 } },
    tests: [
      { name: '1', answer: '1.out' },
      { name: '2', answer: '2.ans' },
    ],
  });
});

t.test('validator flags become the checker that does the same', async (t) => {
  const choice = (flags: string) =>
    readPackage(files({ ...GOOD, 'problem.yaml': `validator_flags: ${flags}\n` }), 'x').checker;
  t.match(choice(''), { choice: { kind: 'case-insensitive' } });
  t.match(choice('case_sensitive'), { choice: { kind: 'token' } });
  t.match(choice('case_sensitive space_change_sensitive'), { choice: { kind: 'exact' } });
  t.match(choice('float_relative_tolerance 1e-6 case_sensitive'), {
    choice: { kind: 'float', relativeEpsilon: 1e-6, absoluteEpsilon: 0, ignoreCase: undefined },
  });
});

t.test(
  'flags hold for a program and for the default validator, those of the tests behind those of the problem',
  async (t) => {
    const groups = {
      'data/secret/a/1.in': '',
      'data/secret/a/1.ans': '',
      'data/secret/a/testdata.yaml': 'output_validator_flags: float_tolerance 1e-3\n',
      'data/secret/b/1.in': '',
      'data/secret/b/1.ans': '',
    };
    const texts = { 'problem.yaml': 'validator_flags: case_sensitive\n', ...groups };
    const float = { kind: 'float', absoluteEpsilon: 1e-3, relativeEpsilon: 1e-3 };
    const mixed = readPackage(files(texts), 'x');
    t.strictSame(mixed.checker, { kind: 'built-in', choice: float });
    t.match(mixed.tests, [
      { name: 'a/1', checker: undefined },
      { name: 'b/1', checker: { kind: 'token' } },
    ]);
    const custom = readPackage(files({ ...texts, 'output_validators/v.py': '' }), 'x');
    t.match(custom.tests, [
      { checkerFlags: ['case_sensitive', 'float_tolerance', '1e-3'] },
      { checkerFlags: ['case_sensitive'], checker: undefined },
    ]);
    const wrong = { ...texts, 'data/secret/a/testdata.yaml': 'output_validator_flags: loose\n' };
    t.match(
      refusal(() => readPackage(files(wrong), 'x')),
      { details: { path: 'data/secret/a/testdata.yaml', problem: /no flag "loose"/ } },
    );
  },
);

/** What is changed in the good package (null: the file is taken away), and what is said. */
const BROKEN: readonly (readonly [string, Readonly<Record<string, string | null>>, string, RegExp])[] = [
  ['a problem.yaml that is no YAML', { 'problem.yaml': 'name: [x' }, 'problem.yaml', /is no YAML/],
  ['an unknown kind of validation', { 'problem.yaml': 'validation: strict' }, 'problem.yaml', /found "strict"/],
  [
    'custom validation without a validator',
    { 'problem.yaml': 'validation: custom' },
    'output_validators',
    /expected a program/,
  ],
  ['an unknown flag', { 'problem.yaml': 'validator_flags: fuzzy' }, 'problem.yaml', /no flag "fuzzy"/],
  [
    'a tolerance without a number',
    { 'problem.yaml': 'validator_flags: float_tolerance' },
    'problem.yaml',
    /from 0 to 1/,
  ],
  [
    'an unknown key of turno',
    { 'problem.yaml': 'turno: {cheker: exact}' },
    'problem.yaml: turno',
    /unknown key "cheker"/,
  ],
  ['a negative memory limit', { 'problem.yaml': 'limits: {memory: -1}' }, 'problem.yaml: limits', /above 0, found -1/],
  ['a mistyped key', { 'problem.yaml': 'validator_flag: x' }, 'problem.yaml', /"validator_flag".*"validator_flags"/],
  [
    'a limit in the wrong place',
    { 'problem.yaml': 'time_limit: 2' },
    'problem.yaml',
    /"time_limit".*"limits: time_limit"/,
  ],
  [
    'an unknown limit',
    { 'problem.yaml': 'limits: {time: 2}' },
    'problem.yaml: limits',
    /unknown key "time"; there are/,
  ],
  ['a score to be small', { 'problem.yaml': 'grading: {objective: min}' }, 'problem.yaml', /most points are the best/],
  ['only some languages', { 'problem.yaml': 'languages: [java]' }, 'problem.yaml', /languages: .*only all/],
  ['constants', { 'problem.yaml': 'constants: {k: 5}' }, 'problem.yaml', /constants: replacing them is not done/],
  ['included code', { 'include/c/lib.c': '' }, 'include', /code that is included/],
  ['a static validator', { 'static_validator/v.py': '' }, 'static_validator', /a static validator is not done/],
  ['half a MiB', { 'problem.yaml': 'limits: {memory: 100.5}' }, 'problem.yaml: limits', /whole number.*100.5/],
  ['an input without its answer', { 'data/secret/2.ans': null }, 'data/secret/2.in', /its answer is missing/],
  ['an answer without its input', { 'data/secret/2.in': null }, 'data/secret/2.ans', /its input is missing/],
  [
    'groups inside groups',
    { 'data/secret/a/b/1.in': '', 'data/secret/a/b/1.ans': '' },
    'data/secret/a/b',
    /inside groups/,
  ],
  ['tests in another place', { 'data/hidden/1.in': '', 'data/hidden/1.ans': '' }, 'data/hidden', /data\/sample or/],
  ['a time limit of nothing', { '.timelimit': '0' }, '.timelimit', /expected seconds.*found "0"/],
  ['a time limit that is no number', { '.timelimit': 'fast' }, '.timelimit', /expected seconds.*found "fast"/],
  ['an unknown rule for rejects', { 'data/testdata.yaml': 'on_reject: stop' }, 'data/testdata.yaml', /break, continue/],
  ['a grader program', { 'data/testdata.yaml': 'grading: custom' }, 'data/testdata.yaml', /grader program is not done/],
  ['a folder of submissions that means nothing', { 'submissions/good/x.c': '' }, 'submissions/good', /no verdict/],
  ['a validator in no language', { 'output_validators/v.rb': '' }, 'output_validators/v.rb', /one of .c .cpp/],
  [
    'two output validators',
    { 'output_validators/a.c': '', 'output_validators/b.c': '' },
    'output_validators',
    /found 2/,
  ],
];

t.test('what means nothing to a judge is passed over', async (t) => {
  const yaml =
    'author: Ada\nauthors: [Ada]\nrating: 3\ncolor: red\nlanguages: all\ngrading: {objective: max}\nconstants: {}\n';
  t.match(readPackage(files({ ...GOOD, 'problem.yaml': yaml }), 'sum'), { title: 'sum' });
});

t.test('each way to be broken has its own words', async (t) => {
  const said = new Set<string>();
  for (const [name, changes, path, problem] of BROKEN) {
    const texts = Object.entries({ ...GOOD, ...changes }).filter(([, text]) => text !== null);
    const error = refusal(() => readPackage(files(Object.fromEntries(texts) as Texts), 'broken'));
    t.match(error, { code: 'TURNO_PACKAGE', details: { path } }, name);
    t.match(error?.message, problem, name);
    said.add(error?.message ?? '');
  }
  t.equal(said.size, BROKEN.length, 'no two say the same');
  const none = refusal(() => readPackage(files({ 'problem.yaml': '' }), 'empty'));
  t.match(none?.message, /at least one test/);
});

t.test('an archive comes back as it was, and a folder around everything is looked through', async (t) => {
  const same = filesOfZip(zipOf(files(GOOD)));
  t.strictSame([...same.keys()].sort(), Object.keys(GOOD).sort());
  t.equal(Buffer.from(same.get('.timelimit') ?? []).toString(), '1.5\n');
  const inside = filesOfZip(zipSync({ 'sum/problem.yaml': Buffer.from('name: x'), 'sum/data/': new Uint8Array() }));
  t.strictSame([...inside.keys()], ['problem.yaml']);
});

t.test('archives that lead out of themselves, lie or are too large are refused before they are unpacked', async (t) => {
  const one = (path: string) => zipSync({ [path]: Buffer.from('x') });
  for (const path of [
    '../x',
    'a/../../x',
    '/etc/passwd',
    'a\\b',
    'C:/x',
    './x',
    'a//b',
    `${'a'.repeat(300)}`,
    'a\u0007',
  ]) {
    t.match(
      refusal(() => filesOfZip(one(path))),
      { code: 'TURNO_PACKAGE' },
      JSON.stringify(path),
    );
  }
  const both = zipSync({ 'a/b': Buffer.from('x'), 'a/b/c': Buffer.from('x') });
  t.match(
    refusal(() => filesOfZip(both)),
    { details: { path: 'a/b', problem: /directory of a\/b\/c/ } },
  );
  t.match(refusal(() => filesOfZip(Buffer.from('no zip at all')))?.message, /expected a zip archive/);
  const half = zipOf(files(GOOD)).subarray(0, 200);
  t.match(
    refusal(() => filesOfZip(half)),
    { code: 'TURNO_PACKAGE' },
    'cut off',
  );

  // Archives of a megabyte that declare 300 MiB, or 10 bytes: neither is believed.
  const mebibyte = Buffer.from([0, 0, 16, 0]);
  const declaring = (size: number) => {
    const archive = Buffer.from(zipSync({ x: new Uint8Array(1_048_576) }));
    for (let at = archive.indexOf(mebibyte); at >= 0; at = archive.indexOf(mebibyte, at + 1)) {
      archive.writeUInt32LE(size, at);
    }
    return archive;
  };
  const bomb = declaring(300 * 1_048_576);
  t.match(refusal(() => filesOfZip(bomb))?.message, /expected at most 268435456 bytes, found 314572800/);
  const lied = refusal(() => t.equal(filesOfZip(declaring(10)).get('x')?.length, 10, 'never more than it declared'));
  if (lied !== undefined) t.match(lied, { code: 'TURNO_PACKAGE' });
  const many = zipSync(Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`data/${n}`, new Uint8Array()])));
  t.match(refusal(() => filesOfZip(many))?.message, /at most 10000 files/);
});

function refusal(body: () => unknown): TurnoError | undefined {
  try {
    body();
    return undefined;
  } catch (error) {
    return error as TurnoError;
  }
}
