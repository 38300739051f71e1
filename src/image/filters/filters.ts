/** The filters by name. */

import { blur } from './blur.js';
import { edges } from './edges.js';
import type { Filter } from './filter.js';
import { grayscale } from './grayscale.js';
import { invert } from './invert.js';
import { sharpen } from './sharpen.js';

export interface FilterSettings {
  /** Of blur, in pixels. */
  readonly radius: number;
}

const FILTERS = {
  grayscale: () => grayscale,
  blur: ({ radius }: FilterSettings) => blur(radius),
  sharpen: () => sharpen,
  edges: () => edges,
  invert: () => invert,
} as const satisfies Readonly<Record<string, (settings: FilterSettings) => Filter>>;

export type FilterName = keyof typeof FILTERS;

export const FILTER_NAMES = Object.keys(FILTERS) as readonly FilterName[];

export const MAX_RADIUS = 100;

export function filterOf(name: FilterName, settings: FilterSettings): Filter {
  return FILTERS[name](settings);
}

export function isFilterName(name: string): name is FilterName {
  return Object.hasOwn(FILTERS, name);
}
