import { constants } from 'node:os';
import { t } from 'tap';
import { signalName } from '../src/signal-name.js';

t.test('signals are called as the system calls them, real-time ones by their distance', async (t) => {
  t.equal(signalName(constants.signals.SIGSEGV), 'SIGSEGV');
  t.equal(signalName(constants.signals.SIGABRT), 'SIGABRT');
  t.equal(signalName(34), 'SIGRTMIN');
  t.equal(signalName(40), 'SIGRTMIN+6');
  t.equal(signalName(33), 'signal 33');
});
