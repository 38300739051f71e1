/** A space without a name: who has its descriptor has it, and nobody else can find it. */

import { closeSync, fstatSync, openSync } from 'node:fs';
import { t } from 'tap';
import { PipeEnd } from '../../src/shm/pipe.js';
import { SharedArray } from '../../src/shm/shared-array.js';
import { Space } from '../../src/shm/space.js';

/** Another descriptor of the same file, as a child inherits one. */
const handedOn = (fd: number) => openSync(`/proc/self/fd/${fd}`, 'r+');

t.test('both ends see the same arrays and pipes', async (t) => {
  const { space, fd } = Space.createUnnamed({ bytes: 200_000 });
  const theirFd = handedOn(fd);
  const theirs = Space.inherited(theirFd);
  t.throws(() => fstatSync(theirFd), { code: 'EBADF' }, 'what was inherited is closed');
  new SharedArray(space, 'numbers', 'f64', 10).values[3] = 0.5;
  t.equal(new SharedArray(theirs, 'numbers', 'f64', 10).values[3], 0.5);
  const [ours, other] = [new PipeEnd(space, 'talk', 0), new PipeEnd(theirs, 'talk', 1)];
  other.send({ rows: 7 });
  t.strictSame(ours.receive(), { message: { rows: 7 } });
  t.equal(fstatSync(fd).nlink, 0, 'no name anywhere');
  closeSync(fd);
  theirs.close();
  space.close();
});

t.test('a descriptor of something else is refused, and closed', async (t) => {
  const fd = openSync('/dev/null', 'r+');
  t.throws(() => Space.inherited(fd), {
    code: 'TURNO_TABLE_NOT_A_TABLE',
    message: /descriptor \d+: not a turno table/,
  });
  t.throws(() => fstatSync(fd), { code: 'EBADF' });
});
