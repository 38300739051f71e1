/**
 * The host's own look at an executable: may a template be made of it?
 *
 * A template is preloaded and stands when the loader has mapped and bound everything, before any initialiser
 * (native/template/program.c). So the question is whether anything of the submission could run before that, or change who
 * runs. What the loader itself reads is looked at, as the loader does it: program headers, and what the dynamic section
 * names by address. Section headers, which the loader ignores, prove nothing.
 *
 *     interpreter             the system's loader and no other
 *     libraries               of LIBRARIES only, and found by nothing but the loader's own rules
 *     functions at binding    none: no IRELATIVE relocation, no indirect function that others could bind to
 *     interposition           none that the loader or the C library would call: of what the executable exports under the
 *                             name of somebody else's symbol only copies of data, and names of C++, which C does not call
 *     memory                  nothing both writable and executable, no executable stack
 *
 * Whatever is not as gcc and g++ link it is refused: it costs a fresh start and nothing else.
 */

const LIBRARIES = new Set([
  'libc.so.6',
  'libm.so.6',
  'libstdc++.so.6',
  'libgcc_s.so.1',
  'libpthread.so.0',
  'libdl.so.2',
]);

/** By e_machine: the loader, and the relocations that only store addresses and offsets (of thread-local data too). */
const MACHINES = new Map([
  [62, { loader: '/lib64/ld-linux-x86-64.so.2', copy: 5, relocations: new Set([1, 5, 6, 7, 8, 16, 17, 18]) }],
  [
    183,
    {
      loader: '/lib/ld-linux-aarch64.so.1',
      copy: 1024,
      relocations: new Set([257, 1024, 1025, 1026, 1027, 1028, 1029, 1030]),
    },
  ],
]);

/** PT_LOAD, DYNAMIC, INTERP, NOTE, PHDR, TLS, GNU_EH_FRAME, GNU_STACK, GNU_RELRO, GNU_PROPERTY */
const SEGMENTS = new Set([1, 2, 3, 4, 6, 7, 0x6474e550, 0x6474e551, 0x6474e552, 0x6474e553]);
const Segment = { load: 1, dynamic: 2, interpreter: 3, stack: 0x6474e551 } as const;
const EXECUTE = 1;
const WRITE = 2;

const Tag = {
  needed: 1,
  pltBytes: 2,
  strings: 5,
  symbols: 6,
  rela: 7,
  relaBytes: 8,
  plt: 23,
  hash: 0x6ffffef5,
} as const;
/** Those a plain link has: the above, and PLTGOT STRSZ SYMENT RELAENT INIT FINI DEBUG BIND_NOW INIT/FINI_ARRAY(SZ) FLAGS PLTREL, versions, FLAGS_1, RELACOUNT. */
const TAGS = new Set<number>([
  ...Object.values(Tag),
  ...[3, 9, 10, 11, 12, 13, 20, 21, 24, 25, 26, 27, 28, 30, 0x6ffffff0, 0x6ffffff9, 0x6ffffffb, 0x6ffffffe, 0x6fffffff],
]);
/** BIND_NOW of DT_FLAGS; NOW and PIE of DT_FLAGS_1. */
const FLAGS = new Map([
  [30, 8],
  [0x6ffffffb, 0x08000001],
]);

const MAX_SEGMENTS = 32;
const MAX_ENTRIES = 65_536;
const SYMBOL_BYTES = 24;
const RELA_BYTES = 24;

/** A reason not to; what is thrown inside this file and nowhere else. */
class Refusal extends Error {}

interface Loaded {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** Why no template is made of this executable, for the log; undefined: one may be. */
export function whyNoTemplate(elf: Buffer): string | undefined {
  try {
    new Executable(elf).check();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    if (error instanceof RangeError) return 'it is cut off'; // a read behind its end
    throw error;
  }
}

class Executable {
  readonly #elf: Buffer;
  readonly #segments: readonly Loaded[];
  readonly #machine: { loader: string; copy: number; relocations: ReadonlySet<number> };

  constructor(elf: Buffer) {
    const isElf64 = elf.length >= 64 && elf.readUInt32BE(0) === 0x7f454c46 && elf[4] === 2 && elf[5] === 1;
    const type = isElf64 ? elf.readUInt16LE(16) : 0;
    const machine = isElf64 ? MACHINES.get(elf.readUInt16LE(18)) : undefined;
    refuseIf(machine === undefined || (type !== 2 && type !== 3), 'it is no 64-bit executable of this kind of machine');
    this.#elf = elf;
    this.#machine = machine as NonNullable<typeof machine>;
    this.#segments = this.#readSegments();
  }

  check(): void {
    this.#checkSegments();
    const tags = this.#readTags();
    const copied = this.#checkRelocations(tags);
    this.#checkExports(tags, copied);
  }

  #readSegments(): Loaded[] {
    const count = this.#elf.readUInt16LE(56);
    refuseIf(count > MAX_SEGMENTS || this.#elf.readUInt16LE(54) !== 56, 'its program headers are unusual');
    const start = this.#u64(32);
    return Array.from({ length: count }, (_, index) => {
      const at = start + index * 56;
      return {
        type: this.#elf.readUInt32LE(at),
        flags: this.#elf.readUInt32LE(at + 4),
        offset: this.#u64(at + 8),
        address: this.#u64(at + 16),
        fileBytes: this.#u64(at + 32),
        memoryBytes: this.#u64(at + 40),
      };
    });
  }

  #checkSegments(): void {
    let end = 0;
    for (const { type, flags, address, memoryBytes } of this.#segments) {
      refuseIf(!SEGMENTS.has(type), `a segment of type ${type}`);
      if (type === Segment.stack) refuseIf((flags & EXECUTE) !== 0, 'its stack is executable');
      if (type !== Segment.load) continue;
      refuseIf((flags & EXECUTE) !== 0 && (flags & WRITE) !== 0, 'a segment is writable and executable');
      refuseIf(address < end, 'its segments overlap');
      end = address + memoryBytes;
    }
    refuseIf(this.#only(Segment.stack) === undefined, 'it does not say that its stack is not executable');
    const interpreter = this.#only(Segment.interpreter);
    refuseIf(interpreter === undefined, 'it is linked statically');
    const found = interpreter ? this.#text(this.#fileOffset(interpreter.address)) : '';
    refuseIf(found !== this.#machine.loader, `its interpreter is ${found}`);
  }

  /** The dynamic section, each tag with its values. */
  #readTags(): Map<number, number[]> {
    const dynamic = this.#only(Segment.dynamic);
    const tags = new Map<number, number[]>();
    if (dynamic === undefined) throw new Refusal('it has no dynamic section');
    const start = this.#fileOffset(dynamic.address);
    for (let index = 0; ; index++) {
      refuseIf(index * 16 >= dynamic.memoryBytes, 'its dynamic section has no end');
      const tag = this.#u64(start + index * 16);
      const value = this.#u64(start + index * 16 + 8);
      if (tag === 0) break;
      refuseIf(!TAGS.has(tag), `dynamic tag ${tag.toString(16)}`);
      const allowed = FLAGS.get(tag);
      refuseIf(allowed !== undefined && (value & ~allowed) !== 0, `flags ${value.toString(16)}`);
      tags.set(tag, [...(tags.get(tag) ?? []), value]);
    }
    const strings = this.#fileOffset(one(tags, Tag.strings));
    for (const name of tags.get(Tag.needed) ?? []) {
      const library = this.#text(strings + name);
      refuseIf(!LIBRARIES.has(library), `it needs ${library}`);
    }
    return tags;
  }

  /** Returns the addresses that data of libraries is copied to; several symbols may name one (environ, __environ). */
  #checkRelocations(tags: ReadonlyMap<number, readonly number[]>): Set<number> {
    const copied = new Set<number>();
    const parts = [
      [Tag.rela, Tag.relaBytes],
      [Tag.plt, Tag.pltBytes],
    ] as const;
    for (const [table, bytes] of parts) {
      if (!tags.has(table)) continue;
      const start = this.#fileOffset(one(tags, table));
      const count = one(tags, bytes) / RELA_BYTES;
      refuseIf(!Number.isInteger(count) || count > MAX_ENTRIES, 'its relocations are unusual');
      for (let index = 0; index < count; index++) {
        const at = start + index * RELA_BYTES;
        const type = this.#elf.readUInt32LE(at + 8);
        refuseIf(!this.#machine.relocations.has(type), `a relocation of type ${type}`);
        refuseIf(!this.#isWritable(this.#u64(at)), 'a relocation outside of its data');
        if (type === this.#machine.copy) copied.add(this.#u64(at));
      }
    }
    return copied;
  }

  /** What others could bind to: the symbols the hash table leads to. */
  #checkExports(tags: ReadonlyMap<number, readonly number[]>, copied: ReadonlySet<number>): void {
    const symbols = this.#fileOffset(one(tags, Tag.symbols));
    const strings = this.#fileOffset(one(tags, Tag.strings));
    for (const index of this.#hashed(this.#fileOffset(one(tags, Tag.hash)))) {
      const at = symbols + index * SYMBOL_BYTES;
      const name = this.#text(strings + this.#elf.readUInt32LE(at));
      const kind = (this.#elf[at + 4] ?? 0) & 15;
      const isDefined = this.#elf.readUInt16LE(at + 6) !== 0;
      refuseIf(kind === 10, `${name} is an indirect function`);
      const isCopy = kind === 1 && copied.has(this.#u64(at + 8)); // STT_OBJECT
      refuseIf(isDefined && !isCopy && !name.startsWith('_Z'), `it exports ${name}`);
    }
  }

  /** Numbers of the symbols in DT_GNU_HASH: buckets lead to the first of a chain, whose last has the lowest bit set. */
  #hashed(start: number): number[] {
    const [buckets, first, bloom] = [0, 4, 8].map((offset) => this.#elf.readUInt32LE(start + offset)) as [
      number,
      number,
      number,
    ];
    refuseIf(buckets > MAX_ENTRIES || bloom > MAX_ENTRIES, 'its hash table is unusual');
    const bucketsAt = start + 16 + bloom * 8;
    const chainsAt = bucketsAt + buckets * 4;
    const found: number[] = [];
    for (let bucket = 0; bucket < buckets; bucket++) {
      const head = this.#elf.readUInt32LE(bucketsAt + bucket * 4);
      for (let index = head; head !== 0; index++) {
        refuseIf(index < first || found.length > MAX_ENTRIES, 'its hash table is unusual');
        found.push(index);
        if (this.#elf.readUInt32LE(chainsAt + (index - first) * 4) & 1) break;
      }
    }
    return found;
  }

  #only(type: number): Loaded | undefined {
    const found = this.#segments.filter((segment) => segment.type === type);
    refuseIf(found.length > 1, `more than one segment of type ${type}`);
    return found[0];
  }

  #isWritable(address: number): boolean {
    return this.#segments.some(
      (segment) =>
        segment.type === Segment.load &&
        (segment.flags & WRITE) !== 0 &&
        address >= segment.address &&
        address + 8 <= segment.address + segment.memoryBytes,
    );
  }

  /** Where in the file lies what the loader finds at this address. */
  #fileOffset(address: number): number {
    const segment = this.#segments.find(
      (one) => one.type === Segment.load && address >= one.address && address < one.address + one.fileBytes,
    );
    if (segment === undefined) throw new Refusal('an address outside of its segments');
    return segment.offset + (address - segment.address);
  }

  #u64(at: number): number {
    const value = this.#elf.readBigUInt64LE(at);
    refuseIf(value > BigInt(Number.MAX_SAFE_INTEGER), 'a number out of range');
    return Number(value);
  }

  #text(at: number): string {
    const end = this.#elf.indexOf(0, at);
    if (end < 0) throw new Refusal('a name without an end');
    return this.#elf.toString('latin1', at, end);
  }
}

function one(tags: ReadonlyMap<number, readonly number[]>, tag: number): number {
  const [value, ...more] = tags.get(tag) ?? [];
  if (value === undefined || more.length > 0) throw new Refusal(`dynamic tag ${tag.toString(16)}: not exactly one`);
  return value;
}

function refuseIf(condition: boolean, reason: string): void {
  if (condition) throw new Refusal(reason);
}
