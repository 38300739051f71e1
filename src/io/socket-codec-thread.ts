/** A thread that reads and writes messages for a front's sockets. */

import { type Answer, answer } from '../pool/answer.js';
import { pack, unpack } from './pack.js';
import type { CodecTask } from './socket-codec.js';

export default function execute(task: CodecTask): Promise<Answer<unknown>> {
  return answer('a message', () => {
    switch (task.kind) {
      case 'decode':
        return unpack(Buffer.from(task.payload.buffer, task.payload.byteOffset, task.payload.byteLength));
      case 'encode':
        return new Uint8Array(pack(task.value));
    }
  });
}
