// Runs every test with tap and ends with the line `N passed, N failed`, which tap itself does not print.
//
//     npm test                               all of test/
//     npm test -- test/shm/table.test.ts     some of it
//
// TypeScript is compiled first (into .build/): tap runs plain JavaScript. Counted are the innermost named tests; a file
// that crashes or times out counts as one failure.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Parser } from 'tap-parser';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const run = (file, args) => spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1;
const builtMs = (path) => statSync(path).mtimeMs;
const compiled = (path) => `.build/${path.replace(/\.ts$/, '.js')}`;

rmSync('.build', { recursive: true, force: true });
if (run('node_modules/typescript/bin/tsc', ['-p', 'test/tsconfig.json']) !== 0) process.exit(1);
const TAP = 'node_modules/tap/dist/esm/run.mjs';
// Plugins built for packages that were installed anew meanwhile let the first run fail.
if (!existsSync('.tap/plugins') || builtMs('.tap/plugins') < builtMs('node_modules/.package-lock.json')) {
  rmSync('.tap/plugins', { recursive: true, force: true });
  if (run(TAP, ['build']) !== 0) process.exit(1);
}

/** More than that is no accident. */
const MOST_TRIED_AGAIN = 3;
mkdirSync('.tap', { recursive: true });
const given = process.argv.slice(2).map(compiled);
/** What came of each file. */
const results = new Map();
for (const { files, jobs } of given.length > 0 ? [{ files: given, jobs: 1 }] : groups()) {
  for (const [file, result] of runFiles(files, jobs)) results.set(file, result);
}
if (process.env.CI === 'true') tryAgain();

const all = [...results.values()];
const sum = (key) => all.reduce((total, result) => total + result[key], 0);
for (const failure of all.flatMap(({ failures }) => failures)) console.log(`not ok: ${failure}`);
if (sum('skipped')) console.log(`${sum('skipped')} skipped: the reasons stand beside them above`);
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 ? 1 : 0;

/** @returns what came of each of these files, by name */
function runFiles(files, jobs) {
  const output = `.tap/results-${jobs}.tap`;
  const status = run(TAP, ['run', `--output-file=${output}`, '--reporter=terse', `--jobs=${jobs}`, ...files]);
  const found = count(readFileSync(output, 'utf8'));
  // A runner that failed without a failing test (it could not start, say) must not look green.
  if (status !== 0 && ![...found.values()].some(({ failed }) => failed > 0)) {
    found.set('tap', { passed: 0, failed: 1, skipped: 0, failures: [`tap ended with ${status} and no failed test`] });
  }
  return found;
}

/**
 * Whether CI can take a change must not hang on what else the machine did in that minute. There a few files that failed are run
 * once more, alone, and the second run counts; the first failure is told as `unsteady`, and is a defect to be found.
 */
function tryAgain() {
  const failed = [...results].filter(([, result]) => result.failed > 0).map(([file]) => file);
  if (failed.length > MOST_TRIED_AGAIN || !failed.every((file) => file.startsWith('.build/'))) return;
  for (const file of failed) {
    for (const failure of results.get(file).failures) console.log(`unsteady, run once more: ${failure}`);
    for (const [again, result] of runFiles([file], 1)) results.set(again, result);
  }
}

/**
 * Servers and clients wait most of the time, and tests of the table start no programs: two at once save minutes.
 * What counts CPU time, or fills the machine on purpose, runs alone: beside others it takes four times as long.
 */
function groups() {
  const all = readdirSync('.build/test', { recursive: true })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => `.build/test/${name}`)
    .sort();
  const alone =
    /\/(native|hostile|fidelity)\/|\/languages\/verdicts|\/server\/(turns|many|mailbox|transport-faults|whole-problem|wire)[^/]*$/;
  const isAlone = (name) => alone.test(name);
  // What starts processes first, and of that shm/tools: a long file that is begun last is waited for by itself.
  const rank = (name) =>
    /\/shm\/tools/.test(name) ? 0 : /\/(cli|contract|crash|image|server|shm)\//.test(name) ? 1 : 2;
  const beside = all.filter((name) => !isAlone(name)).sort((a, b) => rank(a) - rank(b));
  return [
    { files: beside, jobs: 2 },
    { files: all.filter(isAlone), jobs: 1 },
  ];
}

/** @returns totals by file */
function count(tap) {
  const files = new Map();
  const fresh = () => ({ passed: 0, failed: 0, skipped: 0, failures: [] });
  let totals = fresh();
  // A test with tests inside is not counted itself unless it alone failed.
  const visit = (parser, isTop) => {
    let children = 0;
    let childFailed = false;
    parser.on('child', (child) => {
      children++;
      visit(child, false);
      child.on('complete', ({ ok }) => {
        childFailed ||= !ok;
      });
    });
    parser.on('assert', ({ ok, name, skip, fullname, diag }) => {
      const isGroup = children > 0;
      const ownFailure = !ok && !childFailed;
      children = 0;
      childFailed = false;
      if (skip) {
        totals.skipped++;
        console.log(`skipped: ${fullname ?? name}: ${skip === true ? 'no reason given' : skip}`);
      } else if (ownFailure) {
        totals.failed++;
        totals.failures.push(`${fullname || name}${why(diag)}`);
      } else if (ok && !isGroup) totals.passed++;
      if (!isTop) return;
      files.set(name, totals);
      totals = fresh();
    });
  };
  const parser = new Parser();
  visit(parser, true);
  parser.end(tap);
  return files;
}

/** Where it failed and how found and expected differ: the end of a log is often all that is kept of it. */
function why(diag) {
  if (!diag) return '';
  const { at, diff, found, exitCode, signal } = diag;
  const text = diff ?? (found === undefined ? '' : `found ${JSON.stringify(found)}`);
  if (exitCode ?? signal) return `: the file ended with ${signal ?? `exit code ${exitCode}`}`;
  const lines = text.split('\n').slice(0, 30);
  return [at ? ` at line ${at.lineNumber}` : '', ...lines].join('\n    ').trimEnd();
}
