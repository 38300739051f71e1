/** The report as a picture: latency by percentile, and answers in each second. Plain SVG, nothing else is needed to see it. */

import type { Histogram } from 'hdr-histogram-js';
import type { Report } from './report.js';

const WIDTH = 860;
const PANEL = { left: 70, width: 750, height: 220 };
/** Nines: 50 %, 90 %, 99 %, ... each as far from the next. */
const NINES = [50, 90, 99, 99.9, 99.99] as const;

export function plotOf(report: Report, latency: Histogram, title: string): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="620" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="620" fill="#fff"/>`,
    `<text x="${PANEL.left}" y="28" font-size="16">${escaped(title)}</text>`,
    ...panel(70, 'latency by percentile, ms', percentileCurve(latency)),
    ...panel(360, 'answers in each second', bars(report.seconds)),
    '</svg>\n',
  ].join('\n');
}

interface Axis {
  readonly ticks: readonly number[];
  /** 0 at the bottom, 1 at the top. */
  readonly place: (value: number) => number;
}

interface Drawing {
  readonly axis: Axis;
  /** @param bottom y of the lowest line */
  readonly marks: (y: (value: number) => number, bottom: number) => string[];
}

function panel(top: number, label: string, { axis, marks }: Drawing): string[] {
  const { left, width, height } = PANEL;
  const y = (value: number) => top + height * (1 - axis.place(value));
  const grid = axis.ticks.flatMap((tick) => [
    `<line x1="${left}" x2="${left + width}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="#ddd"/>`,
    `<text x="${left - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${Number(tick.toPrecision(3))}</text>`,
  ]);
  return [`<text x="${left}" y="${top - 10}">${escaped(label)}</text>`, ...grid, ...marks(y, top + height)];
}

/** From 0 to the first round number above all; as far from the next as it is more. */
function linear(max: number): Axis {
  const [top = 1] = [1, 2, 5, 10].map((n) => n * 10 ** Math.floor(Math.log10(max || 1))).filter((n) => n >= max);
  const parts = String(top).startsWith('2') ? 4 : 5;
  return { ticks: Array.from({ length: parts + 1 }, (_, i) => (top * i) / parts), place: (value) => value / top };
}

/** Each as far from the next as it is a multiple: the slowest of a thousand would flatten all others on a linear one. */
function logarithmic(min: number, max: number): Axis {
  const first = Math.floor(Math.log10(min || 1));
  const decades = Math.max(1, Math.ceil(Math.log10(max || 1)) - first);
  const steps = decades > 3 ? [1] : [1, 2, 5];
  const ticks = Array.from({ length: decades }, (_, i) => steps.map((n) => n * 10 ** (first + i))).flat();
  return {
    ticks: [...ticks, 10 ** (first + decades)],
    place: (value) => Math.max(0, (Math.log10(value) - first) / decades),
  };
}

function percentileCurve(latency: Histogram): Drawing {
  const { left, width } = PANEL;
  const last = -Math.log10(1 - (NINES.at(-1) ?? 0) / 100);
  const x = (percentile: number) => left + (-Math.log10(1 - percentile / 100) / last) * width;
  const steps = Array.from({ length: 200 }, (_, i) => 100 * (1 - 10 ** (-(last * i) / 199)));
  const value = (percentile: number) => latency.getValueAtPercentile(percentile) / 1_000;
  return {
    axis: latency.totalCount === 0 ? linear(1) : logarithmic(value(0), value(99.99)),
    marks: (y, bottom) => [
      `<polyline fill="none" stroke="#06c" stroke-width="2" points="${steps.map((p) => `${x(p).toFixed(1)},${y(value(p)).toFixed(1)}`).join(' ')}"/>`,
      ...NINES.map((p) => `<text x="${x(p)}" y="${bottom + 18}" text-anchor="middle">${p} %</text>`),
    ],
  };
}

function bars(seconds: readonly number[]): Drawing {
  const { left, width } = PANEL;
  const step = width / Math.max(1, seconds.length);
  const every = Math.ceil(seconds.length / 20);
  return {
    axis: linear(Math.max(0, ...seconds)),
    marks: (y, bottom) =>
      seconds.flatMap((n, i) => [
        `<rect x="${(left + i * step).toFixed(1)}" y="${y(n).toFixed(1)}" width="${Math.max(1, step - 1).toFixed(1)}" height="${(bottom - y(n)).toFixed(1)}" fill="#6a9"/>`,
        ...(i % every === 0
          ? [`<text x="${left + (i + 0.5) * step}" y="${bottom + 18}" text-anchor="middle">${i + 1} s</text>`]
          : []),
      ]),
  };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
