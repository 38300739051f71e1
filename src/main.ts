#!/usr/bin/env node
/** turno: reads the command line, does what it says, and ends with its status. */

import { main } from './cli/program.js';
import { complain } from './cli/standard-output.js';

process.stdout.on('error', complain);
const status = await main(process.argv.slice(2), process.env);
// What was printed is out when this is, or it has failed: whoever asked must not take half of it for the whole.
process.stdout.write('', (error) => (error ? complain(process.stdout.errored ?? error) : process.exit(status)));
