import { t } from 'tap';
import { FairQueue } from '../../src/pool/fair-queue.js';

t.test('users are served in turn, each one in order', (t) => {
  const queue = new FairQueue<string>();
  for (const [user, item] of [
    [1, 'a1'],
    [1, 'a2'],
    [1, 'a3'],
    [2, 'b1'],
    [3, 'c1'],
    [2, 'b2'],
  ] as const) {
    queue.push(user, item);
  }
  t.equal(queue.length, 6);
  const served = Array.from({ length: 7 }, () => queue.shift());
  t.same(served, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', undefined]);
  t.equal(queue.length, 0);
  t.end();
});

t.test('a newcomer waits for no more than one item of every user before him', (t) => {
  const queue = new FairQueue<string>();
  for (let i = 0; i < 1_000; i++) queue.push(1, 'loop');
  queue.push(2, 'hello');
  t.same([queue.shift(), queue.shift()], ['loop', 'hello']);
  t.equal(queue.drain().length, 999);
  t.equal(queue.shift(), undefined);
  t.end();
});

t.test('a user who may have nothing now is passed over and keeps his place', (t) => {
  const queue = new FairQueue<string>();
  queue.push(1, 'a1');
  queue.push(2, 'b1');
  queue.push(2, 'b2');
  t.equal(
    queue.shift((item) => !item.startsWith('a')),
    'b1',
  );
  t.same([queue.shift(), queue.shift()], ['a1', 'b2']);
  queue.push(1, 'a2');
  t.equal(
    queue.shift(() => false),
    undefined,
  );
  t.equal(queue.length, 1);
  t.end();
});

t.test('who waits is told how many are served before, and that many are', async (t) => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.push(item.charCodeAt(0), item);
  queue.shift(); // a1: now it is b's turn, then c's, then a's
  const before = (item: string) => queue.before(item.charCodeAt(0), (one) => one === item);
  const told = ['a2', 'a3', 'b1', 'c1', 'c2'].map((item) => [item, before(item)]);
  const order = Array.from({ length: 5 }, () => queue.shift());
  t.same(
    told,
    told.map(([item]) => [item, order.indexOf(item as string)]),
  );
  t.equal(before('a2'), undefined, 'it waits no longer');
});

t.test('what is taken out of the middle is served no more, and the others keep their order', async (t) => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'b1']) queue.push(item.charCodeAt(0), item);
  const remove = (item: string) => queue.remove(item.charCodeAt(0), (one) => one === item);
  t.equal(remove('a2'), 'a2');
  t.equal(remove('a2'), undefined);
  t.equal(remove('b1'), 'b1');
  t.equal(queue.length, 2);
  t.same([queue.shift(), queue.shift(), queue.shift()], ['a1', 'a3', undefined]);
});

t.test('a higher priority number goes behind all lower ones, of whichever user', async (t) => {
  const queue = new FairQueue<string>();
  queue.push(1, 'retest 1', 3);
  queue.push(1, 'retest 2', 3);
  queue.push(2, 'live 1');
  queue.push(1, 'live 2');
  queue.push(2, 'live 3');
  const before = (user: number, item: string) => queue.before(user, (one) => one === item);
  t.same([before(2, 'live 1'), before(2, 'live 3'), before(1, 'retest 2')], [0, 2, 4]);
  t.equal(
    queue.remove(1, (item) => item === 'retest 1'),
    'retest 1',
  );
  const served = Array.from({ length: 5 }, () => queue.shift());
  t.same(served, ['live 1', 'live 2', 'live 3', 'retest 2', undefined]);
});
