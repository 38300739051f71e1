import { randomInt } from 'node:crypto';
import t from 'tap';
import { AGENT, CHUNK_BYTES, CHUNK_WORDS, ChangeStep, HEADER, RecordKind, ROW, USER } from '../../src/shm/layout.js';
import { native } from '../../src/shm/native.js';
import { CHECKSUM, VERSION, WORDS } from '../../src/shm/records.js';

const A = AGENT.fields;

const H = HEADER.fields;
const DIRECTORY = 50_000;

/** A header, an agent at word 2,048 and a directory in chunk 0; rows in chunk 1, users in chunk 2; there could be more. */
function smallTable() {
  const words = new Int32Array(new SharedArrayBuffer(4 * CHUNK_BYTES));
  words[H.MAX_ROWS.offset / 4] = 2 ** 16;
  words[H.MAX_USERS.offset / 4] = 2 ** 16;
  words[H.COMMITTED.offset / 4] = 3;
  words[DIRECTORY] = 1;
  words[DIRECTORY + 100] = 2;
  words[DIRECTORY + 1] = 3; // not committed
  const view = new native.TableView(words, DIRECTORY, DIRECTORY + 100, DIRECTORY + 200, 1);
  const at = (kind: RecordKind, index: number) =>
    kind === RecordKind.row ? CHUNK_WORDS + (index * ROW.size) / 4 : 2 * CHUNK_WORDS + (index * USER.size) / 4;
  return { words, view, at };
}

/** Numbers that follow from a seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state ^ (state >>> 13);
  };
}

t.test('a whole record is read, and one with a flipped bit is not', (t) => {
  const seed = randomInt(2 ** 31);
  t.comment(`seed ${seed}`);
  const next = numbers(seed);
  const { words, view, at } = smallTable();
  const copy = new Int32Array(128);
  for (let round = 0; round < 500; round++) {
    const kind = round % 2 === 0 ? RecordKind.row : RecordKind.user;
    const most = (kind === RecordKind.row ? ROW.size : USER.size) / 4;
    const count = 3 + ((next() >>> 1) % (most - 2));
    const index = (next() >>> 1) % 2_048;
    const image = Int32Array.from({ length: most }, next);
    image[VERSION] = (next() & ~1) | 2;
    image[WORDS] = count;
    image[CHECKSUM] = native.recordChecksum(image, kind, index);
    t.equal(native.recordChecksum(image, kind, index, true), image[CHECKSUM], 'the same without the instruction');
    words.set(image, at(kind, index));
    if (!view.readRecord(kind, index, copy)) t.fail(`round ${round} was not read`);
    if (copy.subarray(0, count).join() !== image.subarray(0, count).join()) t.fail(`round ${round} was copied wrongly`);
    const word = (next() >>> 1) % count;
    const place = at(kind, index) + word;
    words[place] = (words[place] ?? 0) ^ (1 << (next() & 31));
    if (view.readRecord(kind, index, copy)) t.fail(`round ${round}: a flip in word ${word} was not seen`);
  }
  t.end();
});

t.test('a change goes through the intent slot, step by step', (t) => {
  const { words, view, at } = smallTable();
  const agent = 2_048;
  const record = at(RecordKind.row, 5);
  const image = Int32Array.from({ length: 128 }, (_, word) => word * 7);
  image[VERSION] = 10;
  image[WORDS] = 100;
  view.stageChange(agent, RecordKind.row, 5, image, 1, -1);
  t.equal(image[VERSION], 12);
  t.equal(image[CHECKSUM], native.recordChecksum(image, RecordKind.row, 5));
  const intent = agent + A.INTENT_IMAGE.offset / 4;
  t.same([...words.subarray(intent, intent + 100)], [...image.subarray(0, 100)]);
  t.equal(words[agent + A.INTENT.offset / 4], RecordKind.row + 1);
  t.equal(words[record], 0, 'the record is as it was');
  const publish = (steps: number) => view.publishChange(agent, steps);
  publish(ChangeStep.begin);
  t.equal(words[record], 11, 'odd while it changes');
  publish(ChangeStep.body);
  t.same([...words.subarray(record + 1, record + 100)], [...image.subarray(1, 100)]);
  publish(ChangeStep.version);
  t.ok(view.readRecord(RecordKind.row, 5, new Int32Array(128)));
  t.equal(words[agent + A.RUNNING.offset / 4], 0);
  publish(ChangeStep.end);
  t.equal(words[agent + A.RUNNING.offset / 4], 1);
  t.equal(words[agent + A.DONE.offset / 4], -1);
  t.equal(words[agent + A.INTENT.offset / 4], 0);
  t.end();
});

t.test('what lies outside the table is refused, and nothing is touched', (t) => {
  const { words, view } = smallTable();
  const before = words.slice();
  const image = new Int32Array(128);
  image[WORDS] = 100;
  t.throws(() => view.readRecord(RecordKind.row, 2_048, image), RangeError, 'its chunk is not committed');
  t.throws(() => view.readRecord(RecordKind.row, 4_096, image), RangeError, 'its chunk is not there');
  t.throws(() => view.readRecord(RecordKind.row, 2 ** 16, image), RangeError);
  t.throws(() => view.readRecord(RecordKind.row, -1, image), RangeError);
  t.throws(() => view.readRecord(RecordKind.row, 0, new Int32Array(127)), RangeError);
  t.throws(() => view.stageChange(CHUNK_WORDS - 200, 0, 0, image, 0, 0), RangeError);
  t.throws(() => view.stageChange(-1, 0, 0, image, 0, 0), RangeError);
  t.throws(() => view.publishChange(2_048, 15), RangeError, 'the agent has no intent');
  t.throws(() => view.findRow(new Uint8Array(15)), RangeError);
  t.throws(() => view.findRow(new Uint8Array(16), new Int32Array(127)), RangeError);
  t.throws(() => view.readRecord.call({} as typeof view, 0, 0, image), TypeError, 'of no table');
  t.throws(() => native.putRecord(words, 2 ** 20 - 100, 127, 0, 0, 0, 0, image, 10, image, 0, 0), RangeError);
  t.throws(() => native.putRecord(words, 0, 127, 0, 0, 0, 0, image, 129, image, 0, 0), RangeError);
  t.ok(Buffer.from(words.buffer).equals(Buffer.from(before.buffer)), 'not a word has changed');
  t.end();
});
