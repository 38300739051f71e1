/**
 * The same programs bare (posix_spawn, no sandbox), fresh and warm in a cell: the same bytes on both streams, the same end.
 *
 * C and C++: cases.c and cases.cpp, one executable each, a case is its argument. Python: the sections of cases.py.txt, each
 * a main.py of its own. Every warm case runs twice, from one template. FIDELITY=all (npm run test:fidelity) runs all of them,
 * `make test` one in four.
 */

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { t } from 'tap';
import { whyNoTemplate } from '../../src/languages/template-elf.js';
import type { Cell, InFile, Run, RunResult } from '../../src/pool/cell.js';
import { LimitKind } from '../../src/pool/cell-layout.js';
import { Cells } from '../../src/pool/cells.js';
import { ProcessTable } from '../../src/pool/process-table.js';
import { cellBinary, templateHalf } from '../../src/shm/native.js';

const execute = promisify(execFile);
const PYTHON = '/usr/bin/python3';
const ENVIRONMENT = ['PATH=/usr/bin:/bin', 'HOME=/box', 'LANG=C.UTF-8', 'TMPDIR=/tmp', 'PYTHONDONTWRITEBYTECODE=1'];
const LIMITS: Run['limits'] = {
  cpuNs: 20e9,
  wallNs: 60e9,
  memoryBytes: 512 << 20,
  processes: 64,
  outputBytes: 4 << 20,
  fileBytes: 16 << 20,
  boxBytes: 64 << 20,
  openFiles: 256,
  stackBytes: 0,
};
/** A busy machine makes a start longer; the limit of 5 ms is test/server/warm.test.ts's. */
const TEMPLATE_CPU_NS = 2e9;

interface Case {
  readonly name: string;
  readonly kind: 'program' | 'python';
  readonly argv: readonly string[];
  readonly stdin: string;
  /** Compiled program, or text of main.py. */
  readonly file: string;
}

interface End {
  readonly end: string;
  readonly stdout: string;
  readonly stderr: string;
}

const sources = resolve(import.meta.dirname, '../../../test/fidelity');
const directory = mkdtempSync('/tmp/turno-fidelity-');
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

const STDIN: Readonly<Record<string, string>> = {
  'stdin-scanf': '1 2\n30 40\n5 x',
  'stdin-empty': '',
  'stdin-count': 'line\n'.repeat(50_000),
  'stdin-read': 'x'.repeat(100_001),
  'stdin-binary': String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i)),
  'stdin-invalid-utf8': '\xff\xfe valid',
  'cpp-cin': 'b a b c a b',
};
const INPUT = 'first line\nsecond line\nlast without newline';

function compiled(compiler: string, source: string, flags: readonly string[]): string {
  const out = join(directory, `${source}.out`);
  const options = ['-O2', '-w', '-D_GNU_SOURCE', '-pthread', '-Wl,-z,now', ...flags];
  execFileSync(compiler, [...options, join(sources, source), '-o', out, '-lm'], { stdio: 'inherit' });
  return out;
}

function namesIn(source: string): string[] {
  const text = readFileSync(join(sources, source), 'utf8');
  return [...new Set([...text.matchAll(/CASE\("([^"]+)"\)/g)].map(([, name = '']) => name))];
}

const ENDS = [0, 1, 2, 126, 127, 128, 137, 139, 255].flatMap((code) => [`exit-${code}`, `return-${code}`]);
const RAISED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 31, 34, 64].map((number) => `raise-${number}`);

function programCases(language: string, file: string, names: readonly string[]): Case[] {
  return names.map((name) => ({
    name: `${language} ${name}`,
    kind: 'program',
    argv: ['/exe/program', name, 'one', 'two words', ''],
    stdin: STDIN[name] ?? INPUT,
    file,
  }));
}

function pythonCases(): Case[] {
  const sections = readFileSync(join(sources, 'cases.py.txt'), 'utf8').split(/^#: /m).slice(1);
  return sections.map((section) => {
    const [name = ''] = section.split('\n', 1);
    const file = section.slice(name.length + 1);
    return {
      name: `python ${name}`,
      kind: 'python',
      argv: [PYTHON, 'main.py', 'an argument'],
      stdin: STDIN[name] ?? INPUT,
      file,
    };
  });
}

t.setTimeout(600_000);

let serial = 0;

/** Its directory is shown as /box, as it is in a cell. */
async function bare({ kind, argv, stdin, file }: Case): Promise<End> {
  const own = join(directory, `bare-${serial++}`);
  const box = `${own}-box`;
  mkdirSync(own);
  mkdirSync(box);
  if (kind === 'python') writeFileSync(join(box, 'main.py'), file);
  const [input, output, errors] = ['in', 'out', 'err'].map((name) => join(own, name)) as [string, string, string];
  writeFileSync(input, stdin, 'latin1');
  for (const stream of [output, errors]) writeFileSync(stream, '');
  const path = kind === 'python' ? PYTHON : file;
  // As arguments, because tap adds to the environment of whatever a test starts.
  const environment = [String(ENVIRONMENT.length), ...ENVIRONMENT];
  const args = [box, input, output, errors, ...environment, path, ...argv];
  const { stdout } = await execute(join(directory, 'bare.c.out'), args, { timeout: 60_000 });
  const shown = (stream: string) => readFileSync(stream, 'latin1').replaceAll(box, '/box');
  return { end: stdout, stdout: shown(output), stderr: shown(errors) };
}

function endOf({ report, stdout, stderr }: RunResult): End {
  const limit = report.limit === LimitKind.none ? '' : ` limit ${report.limit}`;
  const end = report.exitCode === null ? `signal ${report.signal}` : `exit ${report.exitCode}`;
  return {
    end: end + limit,
    stdout: Buffer.from(stdout).toString('latin1'),
    stderr: Buffer.from(stderr).toString('latin1'),
  };
}

const halves = { program: openSync(templateHalf('program'), 'r'), python: openSync(templateHalf('python'), 'r') };

const executables = new Map<string, number>();

/** One descriptor each: the cell knows a file again by its inode. */
function opened(file: string): number {
  const fd = executables.get(file) ?? openSync(file, 'r');
  executables.set(file, fd);
  return fd;
}

function inCell(cell: Cell, { kind, argv, stdin, file }: Case, template: number | undefined): Promise<RunResult> {
  const inFile: InFile =
    kind === 'python'
      ? { place: 'box', name: 'main.py', content: Buffer.from(file) }
      : { place: 'exe', name: 'program', content: { fd: opened(file) } };
  return cell.run({
    posting: { user: 0, row: 0, priority: 0, memoryLimitBytes: 0, title: kind },
    path: kind === 'python' ? PYTHON : '/exe/program',
    argv,
    env: ENVIRONMENT,
    flags: 0,
    stdin: Buffer.from(stdin, 'latin1'),
    inFiles: [inFile],
    outFiles: [],
    outBytes: 0,
    limits: LIMITS,
    ...(template ? { template: { number: template, cpuNs: TEMPLATE_CPU_NS, half: halves[kind] } } : {}),
  });
}

compiled('gcc', 'bare.c', []);
const c = compiled('gcc', 'cases.c', ['-std=gnu17']);
const cpp = compiled('g++', 'cases.cpp', ['-std=gnu++20']);
const inC = [...ENDS, ...RAISED, ...namesIn('cases.c')];
const cases = {
  c: programCases('c', c, inC),
  cpp: programCases('cpp', cpp, [...inC, ...namesIn('cases.cpp')]),
  python: pythonCases(),
};

const turnsPath = join(directory, 'turns.turno');
const setup = { cellBinary, cellGroup: `turno-fidelity-${process.pid}`, mounts: [], backend: 'auto' };
const table = ProcessTable.create(turnsPath, 16, 2);
const cells = new Cells({ ...setup, turnsFd: openSync(turnsPath, 'r+') }, table, 2);
t.teardown(() => cells.end());

t.test('of the programs of this suite templates may be made', async (t) => {
  t.equal(whyNoTemplate(readFileSync(c)), undefined);
  t.equal(whyNoTemplate(readFileSync(cpp)), undefined);
});

for (const [language, all] of Object.entries(cases)) {
  t.test(`${language}: bare, fresh and warm are the same to the byte`, async (t) => {
    t.ok(all.length >= 60, `${all.length} programs`);
    const chosen = process.env.FIDELITY === 'all' ? all : all.filter((_, index) => index % 4 === 0);
    const todo = chosen.entries();
    const worker = () =>
      cells.use(async (cell) => {
        for (const [index, one] of todo) {
          const number = one.kind === 'python' ? 1 : 2 + index;
          const expected = await bare(one);
          t.same(endOf(await inCell(cell, one, undefined)), expected, `${one.name}: fresh as bare`);
          for (const which of ['first', 'second']) {
            const result = await inCell(cell, one, number);
            t.same(endOf(result), expected, `${one.name}: ${which} warm run as bare`);
            t.ok(result.report.isWarm, `${one.name}: it was warm`);
          }
        }
      });
    await Promise.all([worker(), worker()]);
  });
}
