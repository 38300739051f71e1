/** Slots: parts through one slot, what is not valid, whose a slot is. */

import { join } from 'node:path';
import { t } from 'tap';
import { Mailbox } from '../../src/io/mailbox.js';
import { PART_BYTES, State, stateOf, withState } from '../../src/io/mailbox-layout.js';
import { RawMailbox } from './raw-mailbox.js';

const SELF = { pid: process.pid, startTime: 1n };

function mailbox(directory: string): RawMailbox {
  const path = join(directory, 'box');
  Mailbox.create(path, SELF, 100_000);
  return new RawMailbox(path);
}

t.test('a message goes through one slot in parts, and comes out as it was', async (t) => {
  const { box } = mailbox(t.testdir());
  const bytes = Buffer.from(Array.from({ length: 2 * PART_BYTES + 5 }, (_, i) => i % 251));
  let word = box.claim(3, 1, SELF, 9) ?? 0;
  t.equal(box.claim(3, 2, SELF, 9), undefined, 'a slot has one owner');
  const out: Buffer[] = [];
  let offset: number | undefined = 0;
  for (let received = 0; received < bytes.length; ) {
    offset = box.write(3, word, { bytes, offset: offset ?? 0, isError: true }, State.posted);
    word = box.word(3);
    t.equal(stateOf(word), State.posted);
    const part = box.read(3, word, { offset: received, maxBytes: 100_000 });
    if (typeof part === 'string') throw new Error(part);
    t.match(part, { total: bytes.length, isError: true, isLast: offset === bytes.length });
    out.push(part.bytes);
    received += part.bytes.length;
    t.ok(box.swap(3, word, withState(word, State.claimed)));
    word = box.word(3);
  }
  t.strictSame(Buffer.concat(out), bytes);
  t.equal(out.length, 3);
});

t.test('slots that were marked are told once, to whoever they are for', async (t) => {
  const { box } = mailbox(t.testdir());
  for (const slot of [0, 31, 32, 255, 31]) box.mark('POSTED', slot);
  box.mark('ANSWERED', 7);
  t.same([...box.marked('POSTED')], [0, 31, 32, 255]);
  t.same([...box.marked('POSTED')], []);
  box.mark('ANSWERED', 8);
  const among = new Int32Array(8);
  among[0] = 1 << 8;
  t.same([...box.marked('ANSWERED', among)], [8], "another client's stay");
  t.same([...box.marked('ANSWERED')], [7]);
});

t.test('an empty message is one part', async (t) => {
  const { box } = mailbox(t.testdir());
  const word = box.claim(0, 0, SELF, 0) ?? 0;
  box.write(0, word, { bytes: new Uint8Array(), offset: 0, isError: false }, State.posted);
  t.match(box.read(0, box.word(0), { offset: 0, maxBytes: 10 }), { total: 0, isLast: true });
});

t.test('a part is refused when any byte of it was changed, and when it does not follow', async (t) => {
  const raw = mailbox(t.testdir());
  const { box } = raw;
  const claimed = box.claim(0, 0, SELF, 0) ?? 0;
  const bytes = Buffer.from('hello');
  box.write(0, claimed, { bytes, offset: 0, isError: false }, State.posted);
  const word = box.word(0);
  const read = (expected: { offset: number; total?: number; maxBytes: number }, of = word) => box.read(0, of, expected);
  const fine = { offset: 0, maxBytes: 10 };
  t.match(read(fine), { bytes, isLast: true });
  for (let i = 4; i < 64 + bytes.length; i++) {
    const at = raw.at(0) + i;
    raw.bytes[at] = (raw.bytes[at] ?? 0) ^ 0x10;
    t.type(read(fine), 'string', `byte ${i}`);
    raw.bytes[at] = (raw.bytes[at] ?? 0) ^ 0x10;
  }
  t.match(read(fine, word ^ 8), /CHECKSUM/, 'another sequence');
  t.match(read({ ...fine, offset: 3 }), /OFFSET/);
  t.match(read({ ...fine, maxBytes: 4 }), /TOTAL/);
  t.match(read({ ...fine, total: 6 }), /TOTAL/);
});

t.test('who lost a slot changes nothing of its next owner', async (t) => {
  const { box } = mailbox(t.testdir());
  const lost = box.claim(0, 0, SELF, 0) ?? 0;
  t.ok(box.free(0, lost));
  const word = box.claim(0, 1, SELF, 0) ?? 0;
  t.equal(box.write(0, lost, { bytes: Buffer.from('x'), offset: 0, isError: false }, State.posted), undefined);
  t.notOk(box.free(0, lost));
  t.equal(box.word(0), word);
});

t.test('a file that is no mailbox of this build is refused', async (t) => {
  const directory = t.testdir({ short: 'x' });
  t.throws(() => Mailbox.open(join(directory, 'short')), { code: 'TURNO_ANSWER', message: /1 bytes/ });
  const raw = mailbox(directory);
  raw.words[1] = 0;
  t.throws(() => Mailbox.open(join(directory, 'box')), { code: 'TURNO_ANSWER', message: /another version/ });
});
