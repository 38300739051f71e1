/**
 * The simulation must be able to fail: the policy is copied, spoilt in one place, and put through the same schedules. A
 * mutation that survives says that a promise is not tested.
 */

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import { checkSchedules, seedOfRun } from './turns-schedules.js';

const COMPILED = fileURLToPath(new URL('../../src/', import.meta.url));
const seed = seedOfRun();

const MUTATIONS = [
  {
    name: 'a stopped program is not put into the line again',
    file: 'turns.js',
    from: 'this.#wait(program, isCutShort, nowNs);',
    to: 'program.phase = "ready";',
  },
  {
    name: 'a lane is passed on before its holder has been seen stopped',
    file: 'turns.js',
    from: "program.phase = 'stopping';",
    to: "program.phase = 'stopping'; this.#lanes.leave(program.lane);",
  },
  {
    name: 'a program whose lane is taken away for good is not stopped',
    file: 'turns.js',
    from: 'if (program.lane >= this.#lanes.count)',
    to: 'if (false)',
  },
  {
    name: 'a cancelled program stays in the line',
    file: 'turns.js',
    from: "if (!program.isOnLane)\n            this.#takeFromLine(program);\n        program.phase = 'dying';",
    to: '',
  },
  {
    name: 'time waited is charged',
    file: 'turns.js',
    from: 'program.sinceNs = sinceNs;',
    to: '',
  },
  {
    name: 'the loser of a lane is forgotten when memory is free again',
    file: 'turns.js',
    from: 'this.#unparkFitting(nowNs);',
    to: '',
  },
  {
    name: 'memory: everybody may start',
    file: 'turns/memory.js',
    from: 'return heldBytes - givenBackBytes + program.limitBytes <= freeBytes;',
    to: 'return true;',
  },
  {
    name: 'nobody is ever overdue',
    file: 'turns/accounts.js',
    from: 'return first !== undefined && first.dueNs <= nowNs ? first : undefined;',
    to: 'return undefined;',
  },
  {
    name: 'no alarm is asked for',
    file: 'turns/lanes.js',
    from: 'return endNs;',
    to: 'return Number.POSITIVE_INFINITY;',
  },
];

for (const { name, file, from, to } of MUTATIONS) {
  t.test(`caught: ${name}`, async (t) => {
    t.comment(`seed ${seed}`);
    const copy = t.testdir({ 'package.json': '{"type":"module"}' });
    cpSync(COMPILED, copy, { recursive: true, filter: (path) => !/[/\\](server|io|cli|shm)$/.test(path) });
    const path = join(copy, 'pool', file);
    const code = readFileSync(path, 'utf8');
    t.equal(code.split(from).length, 2, 'the place to spoil is there once');
    writeFileSync(path, code.replace(from, to));
    const { Turns } = await import(pathToFileURL(join(copy, 'pool/turns.js')).href);
    t.throws(() => checkSchedules(Turns, seed, 3_000, true));
  });
}
