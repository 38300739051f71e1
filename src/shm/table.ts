/** The shared table, as the rest of turno imports it. What it is stands in shared-table.ts, how it starts in open.ts. */

export type { Durability } from './layout.js';
export { State } from './layout.js';
export { attachTable, type OpenOptions, openTable } from './open.js';
export { isEnded, type Result, type Row } from './row-image.js';
export type { Accepted, Counts, Submission, Table } from './shared-table.js';
export type { User, UserIndex } from './users.js';
