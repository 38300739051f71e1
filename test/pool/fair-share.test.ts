import { t } from 'tap';
import { FairShare } from '../../src/pool/fair-share.js';

/** Takes one after the other for as long as it may. */
function takeAll(share: FairShare, user: number, priority = 0): number {
  let taken = 0;
  for (; share.mayHave({ user, priority }, 1); taken++) share.count({ user, priority }, 1);
  return taken;
}

t.test('one user alone gets half, the next half of the rest, and each next one a first', async (t) => {
  const share = new FairShare(16);
  t.same(
    Array.from({ length: 6 }, (_, user) => takeAll(share, user)),
    [8, 4, 2, 1, 1, 0],
  );
  t.ok(share.isFull);
});

t.test('what was given back may be had again', async (t) => {
  const share = new FairShare(4);
  t.equal(takeAll(share, 1), 2);
  share.count({ user: 1, priority: 0 }, -2);
  t.equal(takeAll(share, 2), 2);
  t.notOk(share.mayHave({ user: 3, priority: 0 }, 3), 'more than there is');
  t.ok(share.mayHave({ user: 3, priority: 0 }, 2), 'a first of two');
});

t.test('all who are behind by priority together leave half, whatever users they are', async (t) => {
  const share = new FairShare(16);
  t.equal(takeAll(share, 1, 9), 6, 'one of them leaves some to the others behind');
  for (let user = 2; user < 20; user++) takeAll(share, user, 9);
  t.equal(takeAll(share, 1), 4, 'live work has half of what is left, its user’s retests not counted');
  t.equal(takeAll(share, 20, 1), 0, 'and who is less far behind counts with those who are farther');
});
