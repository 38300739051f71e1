/**
 * `npm run bench [-- NAME...]`: the benches, each one question, as tables. Without a name: `http` and `map`, the first
 * ratios. `npm run bench -- turns [FLAGS]` has tables and flags of its own: turns/fairness.ts. Run them on a machine that does nothing else; bench/RESULTS.md has what came out, and how to read it.
 */

import { execFileSync } from 'node:child_process';
import { cpus, release } from 'node:os';
import Table from 'cli-table3';
import { benchCell } from './cell/ways.js';
import { benchWays } from './io/ways.js';
import { benchImage } from './judging/image.js';
import { benchTests } from './judging/tests.js';
import { benchHttp } from './server/http.js';
import { benchAgainstMap } from './shm/against-map.js';
import { benchTable } from './shm/table.js';
import { benchTurns } from './turns/fairness.js';

const BENCHES: Readonly<Record<string, () => string[][] | Promise<string[][]>>> = {
  cell: benchCell,
  http: benchHttp,
  map: benchAgainstMap,
  table: benchTable,
  ways: benchWays,
  tests: benchTests,
  image: benchImage,
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // servers end with it
const names = process.argv.slice(2);
const chosen = names.length > 0 ? names : ['http', 'map'];
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
console.log(
  `${cpus().length} x ${cpus()[0]?.model ?? '?'}, Linux ${release()}, Node ${process.version}, commit ${commit}`,
);
if (names[0] === 'turns') {
  await benchTurns(names.slice(1));
  process.exit();
}
const table = new Table({ head: ['', 'median (least-most)', 'ratio'], style: { head: [], border: [] } });
for (const name of chosen) {
  const bench = BENCHES[name];
  if (bench === undefined) {
    console.error(`bench: unknown name "${name}"; there are turns, ${Object.keys(BENCHES).join(', ')}`);
    process.exit(2);
  }
  table.push(...(await bench()));
}
console.log(table.toString());
