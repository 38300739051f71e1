/** An array of numbers in a space, with a lock of its own; as multiprocessing.Array. */

import { RLock } from './locks.js';
import { ObjectKind, type Space } from './space.js';

const VIEWS = {
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  f32: Float32Array,
  f64: Float64Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
} as const;

type Views = typeof VIEWS;
type Maker<View> = new (buffer: SharedArrayBuffer, at: number, length: number) => View;

export class SharedArray<Kind extends keyof Views> {
  /** The numbers themselves: Atomics work on them, and a plain store is seen by all, sooner or later. */
  readonly values: InstanceType<Views[Kind]>;
  /** For what must be seen as a whole. */
  readonly lock: RLock;

  /** Zeros at the beginning. @throws RangeError when the name is there with another kind or length */
  constructor(space: Space, name: string, kind: Kind, length: number) {
    // The compiler sees a union of ten constructors that have nothing in common but being called alike.
    const View = VIEWS[kind] as unknown as Maker<InstanceType<Views[Kind]>>;
    const element = Object.keys(VIEWS).indexOf(kind);
    const bytes = length * VIEWS[kind].BYTES_PER_ELEMENT;
    const at = space.object(name, ObjectKind.array + element, bytes);
    this.values = new View(space.buffer, at, length);
    this.lock = new RLock(space, `${name}:lock`);
  }
}
