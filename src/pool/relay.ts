/**
 * Joins two programs by pipes: what one writes to stdout the other reads from stdin.
 *
 * It is there to count (a flood must be blamed on who made it, and the kernel's pipes count nothing), to see who ended first,
 * and to keep the program's words. It costs two hops of an event loop for a message. A side that has gone is felt by the
 * other as with one pipe: end of file when reading, SIGPIPE when writing (a pipe's length later). Pipes, not sockets: those
 * say ECONNRESET where a pipe has an end.
 */

import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { native } from '../shm/native.js';

export class Relay {
  readonly program: Streams;
  readonly interactor: Streams;
  onFlood: () => void = () => undefined;
  flooded: 'program' | 'interactor' | undefined;
  firstToEnd: 'program' | 'interactor' | undefined;
  readonly #sides: readonly Side[];
  readonly #kept: Buffer[] = [];
  #passedBytes = 0;

  constructor(programBytes: number, interactorBytes: number) {
    const program = new Side('program', programBytes);
    const interactor = new Side('interactor', interactorBytes);
    this.#sides = [program, interactor];
    this.program = program.streams;
    this.interactor = interactor.streams;
  }

  /** What the program said. */
  get words(): Buffer {
    return Buffer.concat(this.#kept);
  }

  /** Bytes that have passed; undefined while some have been taken from one side and not yet by the other, or a side has ended. */
  get passedBytes(): number | undefined {
    const isOnItsWay = this.#sides.some(({ input, output }) => input.writableLength > 0 || output.isPaused());
    return isOnItsWay || this.firstToEnd !== undefined ? undefined : this.#passedBytes;
  }

  /** When both runs have been sent: our copies of their ends are closed, or nobody would ever see an end of file. */
  start(): void {
    const [program, interactor] = this.#sides;
    if (program === undefined || interactor === undefined) return;
    program.letGo();
    interactor.letGo();
    this.#join(program, interactor, (bytes) => this.#kept.push(bytes));
    this.#join(interactor, program, () => undefined);
  }

  close(): void {
    for (const side of this.#sides) side.close();
  }

  #join(from: Side, to: Side, keep: (bytes: Buffer) => void): void {
    let leftBytes = from.mostBytes;
    from.output.on('data', (bytes: Buffer) => {
      leftBytes -= bytes.length;
      this.#passedBytes += bytes.length;
      if (leftBytes < 0 && this.flooded === undefined) {
        this.flooded = from.name;
        this.onFlood();
        this.close(); // both feel it: nobody goes on talking
      }
      if (leftBytes < 0) return;
      keep(bytes);
      if (to.input.destroyed || to.input.write(bytes)) return;
      from.output.pause();
    });
    to.input.on('drain', () => from.output.resume());
    from.output.on('end', () => {
      this.firstToEnd ??= from.name;
      to.input.end();
    });
    // Nobody reads any more: who still writes gets SIGPIPE.
    to.input.on('close', () => from.output.destroy());
    for (const socket of [from.output, to.input]) socket.on('error', () => socket.destroy()); // it has gone: `close` follows
  }
}

type Streams = readonly [stdin: number, stdout: number];

/** One program's streams: their ends of two pairs go into its cell, ours are sockets. */
class Side {
  readonly name: 'program' | 'interactor';
  readonly mostBytes: number;
  readonly streams: Streams;
  /** To its stdin. */
  readonly input: Socket;
  /** From its stdout. */
  readonly output: Socket;
  #isLetGo = false;

  constructor(name: 'program' | 'interactor', mostBytes: number) {
    this.name = name;
    this.mostBytes = mostBytes;
    const [input, stdin] = native.pipe(false);
    const [output, stdout] = native.pipe(true);
    this.streams = [stdin, stdout];
    this.input = new Socket({ fd: input, readable: false, writable: true });
    this.output = new Socket({ fd: output, readable: true, writable: false, allowHalfOpen: true });
  }

  letGo(): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    for (const fd of this.streams) closeSync(fd);
  }

  close(): void {
    this.letGo();
    this.input.destroy();
    this.output.destroy();
  }
}
