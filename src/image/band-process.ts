/** A process of its own: filters bands. What it needs is in its command line and in the descriptors it inherits. */

import { filterBands } from './band.js';
import type { BandSetup } from './band-messages.js';

process.on('SIGINT', () => undefined); // from the terminal; the coordinator decides
await filterBands(JSON.parse(process.argv[2] ?? '{}') as BandSetup);
process.exit(0);
