/** Changing a row that is not done, under its stripe; and archiving one that is. Each change is whole or has not happened. */

import { TurnoError } from '../errors.js';
import type { RowIndex } from '../units.js';
import { MAX_RESPONSE_BYTES, ResponseKind } from './layout.js';
import type { TableParts } from './parts.js';
import type { Reading } from './reading.js';
import { H } from './region.js';
import { type Result, RowImage } from './row-image.js';

const ARCHIVED_WORD = H.ARCHIVED.offset / 4;

export class Changing {
  readonly #parts: TableParts;
  readonly #reading: Reading;
  readonly #image = new RowImage();

  constructor(parts: TableParts, reading: Reading) {
    this.#parts = parts;
    this.#reading = reading;
  }

  /** See Table.start. */
  start(row: RowIndex): boolean {
    return this.#change(row, (image) => {
      image.state = 'running';
    });
  }

  /** See Table.setOwner. */
  setOwner(row: RowIndex, pid: number): boolean {
    return this.#change(row, (image) => {
      image.owner = pid;
    });
  }

  /** See Table.setPaths. */
  setPaths(row: RowIndex, paths: { source?: string | null; executable?: string | null }): boolean {
    return this.#change(row, (image) => {
      const response = this.#reading.responseOf(row, image);
      image.setPaths(paths);
      if (response !== undefined) this.#putResponse(row, image, response);
    });
  }

  /** See Table.record. */
  record(row: RowIndex, result: Result): boolean {
    return this.#change(row, (image) => this.#fill(row, image, result));
  }

  /** See Table.setResponse. */
  setResponse(row: RowIndex, response: Uint8Array): boolean {
    return this.#change(row, (image) => this.#putResponse(row, image, response));
  }

  /** See Table.settle. */
  settle(row: RowIndex): boolean {
    return this.#change(row, (image) => {
      image.state = 'done';
    });
  }

  /** See Table.finish. */
  finish(row: RowIndex, result: Result): boolean {
    return this.#change(row, (image) => {
      this.#fill(row, image, result);
      image.state = 'done';
    });
  }

  /** See Table.archive. */
  archive(row: RowIndex): boolean {
    const stripe = this.#parts.stripe(row);
    stripe.acquire();
    try {
      const image = this.#image;
      if (!this.#parts.load(row, image) || image.state !== 'done') return false;
      image.archive();
      Atomics.add(this.#parts.region.words, ARCHIVED_WORD, 1);
      try {
        this.#parts.rows.change(row, image.words, 0, 0);
      } catch (error) {
        Atomics.sub(this.#parts.region.words, ARCHIVED_WORD, 1); // the journal takes nothing: it is not archived
        throw error;
      }
      return true;
    } finally {
      stripe.release();
    }
  }

  #fill(row: number, image: RowImage, result: Result): void {
    image.setPaths(result);
    image.setNumbers(result);
    this.#putResponse(row, image, result.response);
  }

  #putResponse(row: number, image: RowImage, response: Uint8Array | { readonly file: string }): void {
    const isFile = !(response instanceof Uint8Array);
    const kind = isFile ? ResponseKind.file : ResponseKind.bytes;
    const content = isFile ? Buffer.from(response.file) : response;
    if (content.length > MAX_RESPONSE_BYTES) {
      throw new TurnoError('TURNO_TOO_LARGE', { field: 'response', limit: MAX_RESPONSE_BYTES, found: content.length });
    }
    if (!image.tryInline(kind, content)) image.setExtent(kind, this.#parts.responses.put(row, content));
  }

  /** Changes a row that is not done, under its stripe. */
  #change(row: number, edit: (image: RowImage) => void): boolean {
    const stripe = this.#parts.stripe(row);
    stripe.acquire();
    try {
      const image = this.#image;
      if (row < this.#parts.region.load(H.FIRST_ROW)) return false;
      if (!this.#parts.load(row, image)) throw new RangeError(`there is no row ${row}`);
      const before = image.state;
      if (before === 'done' || before === 'archived') return false;
      edit(image);
      const after = image.state;
      this.#parts.rows.change(
        row,
        image.words,
        as(after === 'running') - as(before === 'running'),
        as(after === 'done'),
      );
      return true;
    } finally {
      stripe.release();
    }
  }
}

function as(truth: boolean): number {
  return truth ? 1 : 0;
}
