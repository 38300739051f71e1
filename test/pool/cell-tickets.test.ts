import { t } from 'tap';
import { CellTickets, splitCells, type Ticket } from '../../src/pool/cell-tickets.js';

const holder = (row: number, user = 1, priority = 0) => ({ row, user, priority });

/** Takes, and says whether it had to wait. */
class Desk {
  readonly tickets: CellTickets;
  readonly given: string[] = [];

  constructor(more: number) {
    this.tickets = new CellTickets(more);
  }

  async take(name: string, { row, user = 1 }: { row: number; user?: number }, cells = 1): Promise<Ticket> {
    const ticket = await this.tickets.take(holder(row, user), cells);
    this.given.push(name);
    return ticket;
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

t.test('there is a first cell for each submission, and some for more than one', async (t) => {
  const all = Array.from({ length: 300 }, (_, index) => ({ cells: index + 1, ...splitCells(index + 1) }));
  t.ok(all.every(({ cells, submissions, more }) => cells < 4 || submissions + more === cells));
  t.ok(all.every(({ cells, submissions, more }) => submissions >= 1 && submissions <= cells && more < cells));
  t.ok(all.every(({ cells, more }) => cells === 1 || more > 0));
});

t.test('a first is there at once, further ones as long as there are some, shared between users', async (t) => {
  const desk = new Desk(4);
  const first = await desk.take('first', { row: 1 });
  const more = [await desk.take('2nd', { row: 1 }), await desk.take('3rd', { row: 1 })];
  void desk.take('4th', { row: 1 });
  void desk.take('other row, first', { row: 2 });
  void desk.take('other row, 2nd', { row: 2 });
  void desk.take('other user, first', { row: 3, user: 2 });
  void desk.take('other user, 2nd', { row: 3, user: 2 });
  await settled();
  t.same(desk.given, ['first', '2nd', '3rd', 'other row, first', 'other user, first', 'other user, 2nd']);
  desk.tickets.giveBack(first);
  await settled();
  t.equal(desk.given.at(-1), '4th', 'a first given back is for its own submission');
  for (const ticket of more) desk.tickets.giveBack(ticket);
  await settled();
  t.equal(desk.given.at(-1), 'other row, 2nd');
});

t.test('two are given together, or none', async (t) => {
  const desk = new Desk(1);
  const pair = await desk.take('pair', { row: 1 }, 2);
  void desk.take('second pair', { row: 1 }, 2);
  void desk.take('pair of another', { row: 2, user: 2 }, 2);
  const alone = await desk.take('first of another', { row: 2, user: 2 });
  desk.tickets.giveBack(pair);
  await settled();
  t.same(desk.given, ['pair', 'first of another', 'second pair']);
  desk.tickets.giveBack(alone);
  await settled();
  t.equal(desk.given.length, 3, 'there is only one more');
});

t.test('who waits when the server ends is told', async (t) => {
  const desk = new Desk(0);
  await desk.take('first', { row: 1 });
  const waiting = desk.take('2nd', { row: 1 });
  desk.tickets.refuse(new Error('the end'));
  await t.rejects(waiting, { message: 'the end' });
});
