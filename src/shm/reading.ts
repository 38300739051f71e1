/** Reading one row, without a lock: by number, by id, by arrival; and its response. */

import { type Arrival, type RowIndex, rowIndex } from '../units.js';
import { hashWords } from './hash-index.js';
import { ResponseKind } from './layout.js';
import { ARCHIVED, ID_WORDS, STATE_WORD, type TableParts } from './parts.js';
import { VERSION } from './records.js';
import { H } from './region.js';
import { type ResponsePlace, type Row, RowImage } from './row-image.js';

/** Of TableView.findRow(). */
const NOBODY = -1;
const LOOK_YOURSELF = -2;

export class Reading {
  readonly #parts: TableParts;
  readonly #probe = new RowImage();
  readonly #key = new Int32Array(ID_WORDS);
  readonly #keyBytes = new Uint8Array(this.#key.buffer);

  constructor(parts: TableParts) {
    this.#parts = parts;
  }

  /** See Table.read. */
  read(row: RowIndex): Row | undefined {
    return this.#parts.load(row, this.#probe) ? this.#probe.toRow(row) : undefined;
  }

  rowOf(id: Uint8Array): RowIndex | undefined {
    if (id.length !== ID_WORDS * 4) return undefined;
    const row = this.#parts.view.findRow(id);
    if (row === LOOK_YOURSELF) return this.#rowOfSlowly(id);
    return row === NOBODY || this.#parts.isArchived(row) ? undefined : rowIndex(row);
  }

  /** See Table.readById. */
  readById(id: Uint8Array, image: Int32Array): RowIndex | undefined {
    if (id.length !== ID_WORDS * 4) return undefined;
    const row = this.#parts.view.findRow(id, image);
    if (row >= 0) return image[STATE_WORD] === ARCHIVED ? undefined : rowIndex(row);
    const found = row === NOBODY ? undefined : this.#rowOfSlowly(id);
    return found !== undefined && this.#parts.rows.read(found, image) ? found : undefined;
  }

  #rowOfSlowly(id: Uint8Array): RowIndex | undefined {
    for (let at = 0; at < ID_WORDS * 4; at++) this.#keyBytes[at] = id[at] ?? 0;
    const found = this.#parts.ids.find(this.#parts.region.load(H.ROWS), hashWords(this.#key, 0, ID_WORDS), this.#key);
    return found === -1 ? undefined : rowIndex(found);
  }

  rowOfArrival(number: Arrival): RowIndex | undefined {
    const row = number - 1 - this.#parts.region.load(H.BASE);
    return row >= this.#parts.region.load(H.FIRST_ROW) && row < this.#parts.region.load(H.ROWS)
      ? rowIndex(row)
      : undefined;
  }

  /** See Table.response. */
  response(row: RowIndex): Uint8Array | { file: string } | undefined {
    for (;;) {
      if (!this.#parts.load(row, this.#probe)) return undefined;
      const version = this.#probe.words[VERSION];
      try {
        return this.responseOf(row, this.#probe);
      } catch (error) {
        // Archived, and its extent given back, while we looked: then the row says so now.
        if (!this.#parts.load(row, this.#probe) || this.#probe.words[VERSION] !== version) continue;
        throw error;
      }
    }
  }

  /** See Table.responseInto. */
  responseInto(row: RowIndex, target: Int32Array): number {
    if (!this.#parts.load(row, this.#probe)) return -1;
    return this.#probe.copyInline(target);
  }

  /** The response of a row that has been loaded. */
  responseOf(row: number, image: RowImage): Uint8Array | { file: string } | undefined {
    const { response } = image;
    if (response.kind === ResponseKind.none) return undefined;
    const content =
      response.at === 0 ? image.slice(response.offset, response.length) : this.#parts.responses.get(row, response);
    return response.kind === ResponseKind.file ? { file: Buffer.from(content).toString() } : content;
  }

  /** Where the response of a row lies in the extents; undefined when it lies elsewhere. */
  extentOf(row: RowIndex): ResponsePlace | undefined {
    const place = this.#parts.load(row, this.#probe) ? this.#probe.response : undefined;
    return place === undefined || place.at === 0 ? undefined : place;
  }
}
