/** Limits of a submission as those of its runs. */

import { t } from 'tap';
import { runLimits } from '../../src/pool/run-request.js';
import { KIB } from '../../src/units.js';

const LIMITS = { cpuTimeMs: 1, wallTimeMs: 1, memoryMiB: 4, processes: 1, outputKiB: 1, fileSizeKiB: 1 };

t.test('a request of before one could limit stack and open files runs as it would have run then', async (t) => {
  t.match(runLimits(LIMITS), { stackBytes: 0, openFiles: 1_024 });
  t.match(runLimits({ ...LIMITS, stackKiB: 64, openFiles: 5 }), { stackBytes: 64 * KIB, openFiles: 5 });
});
