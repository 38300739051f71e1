/**
 * What a power cut may leave of a mapped file: each page that has changed since the file was last synced as it was at any moment
 * since, and the file as long as at any moment since. (The file is looked at from time to time, so it is some of these moments.)
 */

import { readFileSync, writeFileSync } from 'node:fs';

const PAGE = 4_096;

interface Look {
  readonly at: number;
  readonly length: number;
  /** Those that had changed since the look before. */
  readonly pages: ReadonlyMap<number, Buffer>;
}

export class MappedFile {
  readonly #path: string;
  readonly #looks: Look[] = [];
  #last: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** Remembers the file as it is. @param at the moment, which grows */
  look(at: number): void {
    const now = readFileSync(this.#path);
    const pages = new Map<number, Buffer>();
    for (let offset = 0; offset < now.length; offset += PAGE) {
      const isSame =
        offset < this.#last.length &&
        now.compare(this.#last, offset, Math.min(offset + PAGE, this.#last.length), offset, offset + PAGE) === 0;
      if (!isSame) pages.set(offset, now.subarray(offset, offset + PAGE));
    }
    this.#looks.push({ at, length: now.length, pages });
    this.#last = now;
  }

  /** Puts what may have arrived after the sync at `syncedAt`, and before the cut, into a copy of the file as it was synced. */
  spoil(copy: string, syncedAt: number, cut: number, random: (below: number) => number): void {
    const synced = readFileSync(copy);
    const since = this.#looks.filter(({ at }) => at > syncedAt && at <= cut);
    const lengths = [synced.length, ...since.map(({ length }) => length)];
    const file = Buffer.alloc(Math.max(...lengths));
    synced.copy(file);
    const versions = new Map<number, Buffer[]>();
    for (const { pages } of since) {
      for (const [offset, page] of pages) versions.set(offset, [...(versions.get(offset) ?? []), page]);
    }
    for (const [offset, pages] of versions) pages[random(pages.length + 1)]?.copy(file, offset);
    writeFileSync(copy, file.subarray(0, lengths[random(lengths.length)]));
  }
}
