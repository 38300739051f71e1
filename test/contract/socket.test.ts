/** Sockets keep the promises of every transport: TCP in its three modes, Unix, and with several fronts. */

import { join } from 'node:path';
import { t } from 'tap';
import { startServer } from '../start-server.js';
import { testTransport } from './transport.js';

// The other two with WAYS=all (npm run test:contract).
for (const mode of process.env.WAYS === 'all' ? ['one', 'many', 'pool'] : ['many']) {
  t.test(`TCP, --socket-mode ${mode}`, async (t) => {
    testTransport(t, {
      async make(t) {
        const server = await startServer(t, { args: ['--tcp-port', '0', '--socket-mode', mode] });
        return { server, address: server.address('tcp') };
      },
    });
  });
}

t.test('Unix, two fronts', async (t) => {
  testTransport(t, {
    async make(t) {
      const server = await startServer(t, { args: ['--socket', join(t.testdir(), 'turno.sock'), '--fronts', '2'] });
      return { server, address: server.address('unix') };
    },
  });
});
