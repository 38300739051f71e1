/** The command line inside the test's own process: arguments and environment in, status and both streams out. */

import { Writable } from 'node:stream';
import { main } from '../../src/cli/program.js';

export async function cli(args: readonly string[], environment: Record<string, string> = {}) {
  const out = collector();
  const err = collector();
  const status = await main(args, environment, out.stream, err.stream);
  return { status, bytes: out.bytes(), out: out.bytes().toString(), err: err.bytes().toString() };
}

function collector() {
  const parts: Buffer[] = [];
  const stream = new Writable({
    write(part: Buffer | string, _encoding, done) {
      parts.push(Buffer.from(part));
      done();
    },
  });
  return { stream, bytes: () => Buffer.concat(parts) };
}
