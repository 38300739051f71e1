/** Signals keep the promises of every transport, with one front and with two. */

import { t } from 'tap';
import { startServer } from '../start-server.js';
import { testTransport } from './transport.js';

// The other with WAYS=all (npm run test:contract).
for (const fronts of process.env.WAYS === 'all' ? ['1', '2'] : ['2']) {
  t.test(`signals, fronts: ${fronts}`, async (t) => {
    testTransport(t, {
      async make(t) {
        const server = await startServer(t, { args: ['--signals', 'on', '--fronts', fronts] });
        return { server, address: server.address('signal') };
      },
    });
  });
}
