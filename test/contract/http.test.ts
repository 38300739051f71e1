/** HTTP keeps the promises of every transport. */

import { t } from 'tap';
import { startServer } from '../start-server.js';
import { testTransport } from './transport.js';

testTransport(t, {
  async make(t) {
    const server = await startServer(t);
    return { server, address: server.url };
  },
});
