/**
 * Each language, in its cell, gets the verdicts its programs deserve: one table of programs, one server, over HTTP. In `make test`
 * one program of each language that is new to it; all of them with `npm run test:languages`. What no tool-chain is there for is
 * skipped, with the reason the server itself gives. Types are erased here by the tsc of the developers' packages.
 */

import { realpathSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { t } from 'tap';
import { type Json, startServer } from '../start-server.js';
import { PROGRAMS, type Programs } from './programs.js';

/** `all`, or some ids with commas between them. */
const wanted = process.env.LANGUAGES;
const isWhole = wanted !== undefined;
/** Their verdicts have tests of their own; Go compiles its library first, for 15 s. */
const ELSEWHERE = ['c', 'cpp', 'python', 'go'];
const IDS = Object.keys(PROGRAMS).filter((id) =>
  isWhole ? wanted === 'all' || wanted.split(',').includes(id) : !ELSEWHERE.includes(id),
);

const BIN = realpathSync(fileURLToPath(new URL('../../../node_modules/.bin', import.meta.url)));
/** Machines that are busy with other work let a virtual machine's threads wait for each other: never so long. */
const PATIENT = { cpuTimeMs: 10_000, wallTimeMs: 60_000 };
const SUM = {
  tests: [
    { stdin: '3 4\n', expected: '7\n' },
    { stdin: '4000000000 1\n', expected: '4000000001\n' },
  ],
  limits: PATIENT,
};

t.test('programs of every language get the verdict they deserve', { timeout: 600_000 }, async (t) => {
  const server = await startServer(t, { env: { PATH: `${process.env.PATH}${delimiter}${BIN}` } });
  const token = await server.register('ada');
  const { languages, absent } = (await server.request('GET', '/v1/languages')).body;
  const judge = (language: string, source: string, more = {}) => server.judge(token, { language, source, ...more });

  for (const id of IDS) {
    const reason = absent.find((one: Json) => one.id === id)?.reason;
    await t.test(id, { skip: reason ?? false }, async (t) => {
      t.ok(languages.some((one: Json) => one.id === id));
      const programs = PROGRAMS[id] as Programs;
      t.match(await judge(id, programs.sum, SUM), { verdict: 'AC' }, 'sum');
      if (!isWhole) return;
      const crash = await judge(id, programs.RE, { limits: PATIENT });
      t.match(crash, { verdict: 'RE', stderr: programs.trace }, 'RE');
      const loop = await judge(id, programs.TLE, { limits: { ...PATIENT, cpuTimeMs: 500 } });
      t.match(loop, { verdict: 'TLE', cause: { limit: 'cpu' } }, 'TLE');
      const limits = { ...PATIENT, memoryMiB: 128 };
      const hog = await judge(id, programs.MLE, { limits });
      t.match(hog, { verdict: 'MLE', cause: { limit: 'memory', allowed: 131_072 } }, 'MLE');
      const spam = await judge(id, programs.OLE, { limits: { ...PATIENT, outputKiB: 16 } });
      t.match(spam, { verdict: 'OLE', stdout: /^spam/ }, 'OLE');
      // TypeScript is not compiled where node erases its types: a mistake is met when the program runs, as in JavaScript.
      const isCompiled = crash.compile !== null;
      for (const { source, says } of programs.CE ?? []) {
        const refusal = isCompiled ? { verdict: 'CE', compile: { output: says } } : { verdict: 'RE', stderr: says };
        t.match(await judge(id, source), refusal, source);
      }
    });
  }
});
