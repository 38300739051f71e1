/** One line that is written over and over, on a terminal only: in a file or a pipe it would be rubbish. */

const CLEAR_LINE = '\r\u001b[K';

export class Progress {
  readonly #stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly #startMs = performance.now();
  #isShown = false;

  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
    this.#stream = stream;
  }

  show(text: string): void {
    if (this.#stream.isTTY !== true) return;
    this.#isShown = true;
    const seconds = ((performance.now() - this.#startMs) / 1_000).toFixed(1);
    this.#stream.write(`${CLEAR_LINE}${seconds} s  ${text}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#stream.write(CLEAR_LINE);
    this.#isShown = false;
  }
}
