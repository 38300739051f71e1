#!/usr/bin/env node
/** turno: reads the command line, does what it says, and ends with its status. */

import { main } from './cli/program.js';

process.exit(await main(process.argv.slice(2), process.env));
