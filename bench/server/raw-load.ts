/**
 * A light HTTP load: the same request over and over on a few kept connections, written as bytes that were built before the
 * clock starts. fetch() would take more of the two cores than the server does.
 */

import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  /** The whole request, head and body. */
  readonly request: Buffer;
  readonly connections: number;
  readonly total: number;
  /** Throws when an answer is not the one expected. */
  readonly check: (status: number, body: string) => void;
}

export interface LoadResult {
  readonly perSecond: number;
  /** From the request's last byte written to the answer's last byte read; sorted. */
  readonly latenciesMs: Float64Array;
}

export async function load({ port, request, connections, total, check }: Load): Promise<LoadResult> {
  const latenciesMs = new Float64Array(total);
  let begun = 0;
  const startMs = performance.now();
  const worker = async () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    try {
      while (begun < total) {
        const index = begun++;
        const sentMs = performance.now();
        const { status, body } = await exchange(socket, request);
        latenciesMs[index] = performance.now() - sentMs;
        check(status, body);
      }
    } finally {
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const perSecond = total / ((performance.now() - startMs) / 1_000);
  return { perSecond, latenciesMs: latenciesMs.sort() };
}

/** One request on a connection that has none outstanding; answers must carry Content-Length. */
function exchange(socket: Socket, request: Buffer): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    let received = '';
    const onData = (bytes: Buffer) => {
      received += bytes.toString('latin1');
      const headEnd = received.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const length = Number(/content-length: (\d+)/i.exec(received.slice(0, headEnd))?.[1]);
      if (received.length < headEnd + 4 + length) return;
      stop();
      resolve({ status: Number(received.slice(9, 12)), body: received.slice(headEnd + 4) });
    };
    const onEnd = () => {
      stop();
      reject(new Error('the server closed the connection'));
    };
    const stop = () => {
      socket.off('data', onData).off('close', onEnd).off('error', onEnd);
    };
    socket.on('data', onData).once('close', onEnd).once('error', onEnd);
    socket.write(request);
  });
}

export function httpRequest(port: number, path: string, token: string, body: unknown): Buffer {
  const payload = Buffer.from(JSON.stringify(body));
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${payload.length}`,
  ].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), payload]);
}
