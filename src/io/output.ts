/** Output of a program as a reply carries it: text, and the exact bytes only when the text cannot say them. */

import { isUtf8 } from 'node:buffer';

export interface OutputText {
  readonly text: string;
  /** Only when the bytes are not UTF-8. */
  readonly base64?: string;
}

export function outputText(bytes: Uint8Array): OutputText {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const text = buffer.toString('utf8');
  return isUtf8(buffer) ? { text } : { text, base64: buffer.toString('base64') };
}

/** Both streams as the fields of a reply. */
export function outputFields(stdout: Uint8Array, stderr: Uint8Array) {
  const out = outputText(stdout);
  const err = outputText(stderr);
  return {
    stdout: out.text,
    ...(out.base64 === undefined ? {} : { stdoutBase64: out.base64 }),
    stderr: err.text,
    ...(err.base64 === undefined ? {} : { stderrBase64: err.base64 }),
  };
}
