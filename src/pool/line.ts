/**
 * A line: how a front talks with one thread of a piscina pool. The thread has one task for as long as it lives, `hold the
 * line`; what it is to do comes over a port of its own, as many tasks in a message as were asked for in one turn of the
 * front's event loop, and the answers come back in the same way.
 *
 *     front   ask() ask() ask() --one message--> thread
 *             <----------------one message------ answers
 *
 * A task of the pool each would cost a message, a wake-up and piscina's book-keeping for every one, there and back: a third
 * of what a short submission costs the front. Alone, a task waits for nobody.
 */

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';

/** What the pool's task is called with. */
export interface LineTask {
  readonly port: MessagePort;
}

interface Asked<Task> {
  readonly number: number;
  readonly task: Task;
}

interface Answered<Reply> {
  readonly number: number;
  readonly reply: Reply;
}

/** Sent by either side: nothing comes after it. */
const END = null;

/** The thread at the other end died before it answered; `cause` says of what. */
export class ThreadDied extends Error {
  constructor(cause: unknown) {
    super(`a thread of the pool died: ${cause instanceof Error ? cause.message : cause}`, { cause });
    this.name = 'ThreadDied';
  }
}

/** The front's end. */
export class Line<Task, Reply> {
  readonly #port: MessagePort;
  readonly #asked = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>();
  #outbox: Asked<Task>[] = [];
  #number = 0;
  #failure: Error | undefined;
  /** Settles when the thread has answered everything and let go of the line. */
  readonly ended: Promise<void>;

  /** Takes one thread of the pool, which must have one for each line, and give it one task at a time. */
  constructor(pool: Piscina<LineTask, void>) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.on('message', (answers: Answered<Reply>[] | typeof END) => {
      if (answers === END) port1.close();
      else for (const { number, reply } of answers) this.#take(number)?.resolve(reply);
    });
    const closed = new Promise<void>((resolve) => port1.once('close', resolve));
    const held = pool.run({ port: port2 }, { transferList: [port2] });
    // The thread has died: whoever waits for it is told, and nobody else is kept waiting.
    held.catch((error: unknown) => this.#fail(new ThreadDied(error)));
    this.ended = Promise.all([closed, held]).then(() => undefined);
    this.ended.catch(() => undefined); // told to those who wait
  }

  /** Asked and not answered. */
  get waiting(): number {
    return this.#asked.size;
  }

  get isBroken(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves with what the thread answers. @throws ThreadDied */
  ask(task: Task): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#failure) {
        reject(this.#failure);
        return;
      }
      const number = ++this.#number;
      this.#asked.set(number, { resolve, reject });
      if (this.#outbox.length === 0) setImmediate(() => this.#send());
      this.#outbox.push({ number, task });
    });
  }

  /** Lets the thread go when it has answered everything. */
  end(): Promise<void> {
    this.#send();
    this.#port.postMessage(END);
    return this.ended;
  }

  #send(): void {
    if (this.#outbox.length === 0) return;
    const outbox = this.#outbox;
    this.#outbox = [];
    this.#port.postMessage(outbox);
  }

  #take(number: number) {
    const waiting = this.#asked.get(number);
    this.#asked.delete(number);
    return waiting;
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#port.close();
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }
}

/**
 * The thread's end: answers what is asked until the front lets go.
 * @param reply must not reject
 * @param beforeSending gets answers that are ready, in the moment before they go out together, and may change them
 */
export function holdLine<Task, Reply>(
  port: MessagePort,
  reply: (task: Task) => Promise<Reply>,
  beforeSending: (replies: Reply[]) => Reply[] = (replies) => replies,
): Promise<void> {
  return new Promise((resolve) => {
    let ready: Answered<Reply>[] = [];
    let isEnding = false;
    let working = 0;
    const send = () => {
      const answered = ready;
      ready = [];
      const replies = beforeSending(answered.map((one) => one.reply));
      port.postMessage(answered.map(({ number }, index) => ({ number, reply: replies[index] })));
      endIfIdle();
    };
    const endIfIdle = () => {
      if (!isEnding || working > 0 || ready.length > 0) return;
      port.postMessage(END);
      port.close();
      resolve();
    };
    const work = async ({ number, task }: Asked<Task>) => {
      working++;
      const answered = { number, reply: await reply(task) };
      working--;
      // What else becomes ready in this turn of the loop goes along.
      if (ready.length === 0) setImmediate(send);
      ready.push(answered);
    };
    port.on('message', (asked: Asked<Task>[] | typeof END) => {
      if (asked !== END) {
        for (const one of asked) void work(one);
        return;
      }
      isEnding = true;
      endIfIdle();
    });
  });
}
