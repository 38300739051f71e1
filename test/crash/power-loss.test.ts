import t from 'tap';
import { cutPower } from './power-loss.js';

t.test('power lost at 8 random moments: nothing acknowledged is lost, nothing is invented', async (t) => {
  const seed = Date.now() % 1_000_000;
  t.comment(`seed ${seed}`);
  t.same(cutPower(8, seed, t.testdir({})), []);
});
