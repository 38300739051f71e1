/**
 * Branded numbers: an index is not an offset is not a count, and a nanosecond is not a byte. The brand exists for the
 * compiler only; the functions below are the one place where a bare number becomes one.
 */

declare const unit: unique symbol;
type Branded<Unit extends string> = number & { readonly [unit]: Unit };

/** Durations in nanoseconds; exact up to 104 days. */
export type Nanos = Branded<'ns'>;
export type Bytes = Branded<'bytes'>;
/** Row of the table: the order of arrival within the file, from 0. */
export type RowIndex = Branded<'row'>;
/** Index of a 32-bit word in an Int32Array over a region. */
export type WordIndex = Branded<'word'>;
/** Order number a submission gets when it is accepted, from 1; never reused. */
export type Arrival = Branded<'arrival'>;
/** Slot of turns.turno, from 0. */
export type SlotIndex = Branded<'slot'>;

export const nanos = (value: number) => value as Nanos;
export const bytes = (value: number) => value as Bytes;
export const rowIndex = (value: number) => value as RowIndex;
export const wordIndex = (value: number) => value as WordIndex;
export const arrival = (value: number) => value as Arrival;
export const slotIndex = (value: number) => value as SlotIndex;

export const KIB = 1_024;
export const MIB = 1_024 * KIB;
export const GIB = 1_024 * MIB;
export const NS_PER_MS = 1_000_000;
export const NS_PER_S = 1_000_000_000;
