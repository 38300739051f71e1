/**
 * Structs that TypeScript and C share, described once.
 *
 * A struct is a list of fields in order; offsets and size are computed here with the rules of the C ABI (each field at a
 * multiple of its own size), so that the struct made by `cStruct` has the same picture by construction, and the
 * `_Static_assert`s written beside it let the compiler say so. Little-endian, like every machine Node runs on with us.
 */

const SIZES = { u8: 1, u16: 2, u32: 4, i32: 4, u64: 8, i64: 8 } as const;
const C_TYPES = { u8: 'uint8_t', u16: 'uint16_t', u32: 'uint32_t', i32: 'int32_t', u64: 'uint64_t', i64: 'int64_t' };

/** Field names that <errno.h> and its like take for macros get an underscore in C. */
const C_MACROS = new Set(['errno', 'stdin', 'stdout', 'stderr', 'unix', 'linux']);

export type Scalar = keyof typeof SIZES;

export interface FieldSpec {
  readonly type: Scalar;
  readonly count: number;
  readonly about: string;
}

export interface Field extends FieldSpec {
  /** Bytes from the start of the struct. */
  readonly offset: number;
  /** Bytes of the whole field, all elements of an array together. */
  readonly bytes: number;
}

export interface Struct<Name extends string = string> {
  readonly name: string;
  readonly about: string;
  /** Bytes, rounded up to the largest alignment in it, or as given. */
  readonly size: number;
  readonly fields: Readonly<Record<Name, Field>>;
}

export function field(type: Scalar, about: string, count = 1): FieldSpec {
  return { type, count, about };
}

/**
 * Computes the picture of a struct.
 * @param size bytes the struct must take; the rest is reserved and zero. Without it, as much as the fields need.
 * @throws RangeError when the fields do not fit into `size`.
 */
export function struct<const F extends Record<string, FieldSpec>>(
  name: string,
  about: string,
  specs: F,
  size?: number,
): Struct<keyof F & string> {
  let end = 0;
  let alignment = 1;
  const fields: Record<string, Field> = {};
  for (const [key, spec] of Object.entries(specs)) {
    const unit = SIZES[spec.type];
    const offset = Math.ceil(end / unit) * unit;
    fields[key] = { ...spec, offset, bytes: unit * spec.count };
    end = offset + unit * spec.count;
    alignment = Math.max(alignment, unit);
  }
  const needed = Math.ceil(end / alignment) * alignment;
  if (size !== undefined && (needed > size || size % alignment !== 0)) {
    throw new RangeError(`struct ${name}: needs ${needed} bytes in steps of ${alignment}, was given ${size}`);
  }
  // Copied: V8 keeps an object filled key by key as a dictionary, and each access to a field would be a search.
  return { name, about, size: size ?? needed, fields: { ...fields } as Record<keyof F & string, Field> };
}

function cName(key: string): string {
  const name = key.toLowerCase();
  return C_MACROS.has(name) ? `${name}_` : name;
}

/** The struct as C, with an assertion on each offset. */
export function cStruct({ name, about, size, fields }: Struct): string {
  const lines = [`/* ${about} */`, `struct ${name} {`];
  let end = 0;
  let padding = 0;
  for (const [key, { type, count, about: fieldAbout, offset, bytes }] of Object.entries<Field>(fields)) {
    if (offset > end) lines.push(`  uint8_t reserved${padding++}[${offset - end}];`);
    lines.push(`  ${C_TYPES[type]} ${cName(key)}${count > 1 ? `[${count}]` : ''}; /* ${fieldAbout} */`);
    end = offset + bytes;
  }
  if (size > end) lines.push(`  uint8_t reserved${padding}[${size - end}];`);
  lines.push('};');
  for (const [key, { offset }] of Object.entries<Field>(fields)) {
    lines.push(`_Static_assert(offsetof(struct ${name}, ${cName(key)}) == ${offset}, "${name}.${key}");`);
  }
  lines.push(`_Static_assert(sizeof(struct ${name}) == ${size}, "${name}");`);
  return `${lines.join('\n')}\n`;
}

/** A const object of numbers as C macros, `PREFIX_NAME`. */
export function cConstants(prefix: string, about: string, values: Readonly<Record<string, number>>): string {
  const name = (key: string) => `${prefix}_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  return `/* ${about} */\n${Object.entries(values)
    .map(([key, value]) => `#define ${name(key)} ${value}u`)
    .join('\n')}\n`;
}

/** 32-bit FNV-1a of the pictures: two builds that disagree on any offset, size or name disagree here. */
export function signature(structs: readonly Struct[]): number {
  const picture = structs.map(({ name, size, fields }) =>
    [name, size, ...Object.entries<Field>(fields).map(([key, f]) => `${key}:${f.type}*${f.count}@${f.offset}`)].join(
      ' ',
    ),
  );
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(picture.join('\n'))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
