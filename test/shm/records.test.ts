import { randomInt } from 'node:crypto';
import t from 'tap';
import { AGENT, ChangeStep, RecordKind } from '../../src/shm/layout.js';
import { native } from '../../src/shm/native.js';
import { CHECKSUM, checksum, VERSION, WORDS } from '../../src/shm/records.js';

const A = AGENT.fields;

/** Numbers that follow from a seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state ^ (state >>> 13);
  };
}

t.test('the addon and JavaScript agree on what a whole record is', (t) => {
  const seed = randomInt(2 ** 31);
  t.comment(`seed ${seed}`);
  const next = numbers(seed);
  const table = new Int32Array(new SharedArrayBuffer(4_096));
  const copy = new Int32Array(128);
  for (let round = 0; round < 500; round++) {
    const count = 3 + ((next() >>> 1) % 126);
    const index = next() >>> 4;
    const kind = round % 2 === 0 ? RecordKind.row : RecordKind.user;
    const image = Int32Array.from({ length: 128 }, next);
    image[VERSION] = (next() & ~1) | 2;
    image[WORDS] = count;
    image[CHECKSUM] = checksum(image, kind, index);
    table.set(image, 200);
    if (!native.readRecord(table, 200, copy, kind, index)) t.fail(`round ${round} was not read`);
    if (copy.subarray(0, count).join() !== image.subarray(0, count).join()) t.fail(`round ${round} was copied wrongly`);
    const word = 200 + ((next() >>> 1) % count);
    table[word] = (table[word] ?? 0) ^ (1 << (next() & 31));
    if (native.readRecord(table, 200, copy, kind, index))
      t.fail(`round ${round}: a flip in word ${word - 200} was not seen`);
  }
  t.end();
});

t.test('a change goes through the intent slot, step by step', (t) => {
  const words = new Int32Array(new SharedArrayBuffer(8_192));
  const agent = 256;
  const record = 1_024;
  const image = Int32Array.from({ length: 128 }, (_, word) => word * 7);
  image[VERSION] = 10;
  image[WORDS] = 100;
  native.stageChange(words, agent, RecordKind.row, 5, image, 1, -1);
  t.equal(image[VERSION], 12);
  t.equal(image[CHECKSUM], checksum(image, RecordKind.row, 5));
  const intent = agent + A.INTENT_IMAGE.offset / 4;
  t.same([...words.subarray(intent, intent + 100)], [...image.subarray(0, 100)]);
  t.equal(words[agent + A.INTENT.offset / 4], RecordKind.row + 1);
  t.equal(words[record], 0, 'the record is as it was');
  const publish = (steps: number) => native.publishChange(words, record, words, agent, steps);
  publish(ChangeStep.begin);
  t.equal(words[record], 11, 'odd while it changes');
  publish(ChangeStep.body);
  t.same([...words.subarray(record + 1, record + 100)], [...image.subarray(1, 100)]);
  publish(ChangeStep.version);
  t.ok(native.readRecord(words, record, new Int32Array(128), RecordKind.row, 5));
  t.equal(words[agent + A.RUNNING.offset / 4], 0);
  publish(ChangeStep.end);
  t.equal(words[agent + A.RUNNING.offset / 4], 1);
  t.equal(words[agent + A.DONE.offset / 4], -1);
  t.equal(words[agent + A.INTENT.offset / 4], 0);
  t.end();
});

t.test('what lies outside a view is refused, and nothing is touched', (t) => {
  const words = new Int32Array(new SharedArrayBuffer(1_024));
  const image = new Int32Array(128);
  image[WORDS] = 100;
  t.throws(() => native.readRecord(words, 200, image, 0, 0), RangeError);
  t.throws(() => native.readRecord(words, -1, image, 0, 0), RangeError);
  t.throws(() => native.stageChange(words, 200, 0, 0, image, 0, 0), RangeError);
  t.throws(() => native.publishChange(words, 200, words, 0, 15), RangeError);
  t.throws(() => native.putRecord(words, 250, 127, 0, 0, 0, 0, image, 10, image, 0, 0), RangeError);
  t.throws(() => native.putRecord(words, 0, 127, 0, 0, 0, 0, image, 129, image, 0, 0), RangeError);
  t.throws(() => native.findRow(words, 0, 0, 0, new Uint8Array(15)), RangeError);
  t.same([...words], new Array(256).fill(0));
  t.end();
});
