/**
 * Preloaded into every process and thread of the server (NODE_OPTIONS=--import=...): collects garbage every ten seconds.
 * V8 collects the old generation of a thread when that has doubled or so, which at this load may take longer than the soak:
 * what was left over by then would look like a leak, and a small leak like garbage.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const EVERY_MS = 10_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
setInterval(collect, EVERY_MS).unref();
