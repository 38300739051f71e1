/** The report as a picture: latency by percentile, and answers in each second. Plain SVG, nothing else is needed to see it. */

import type { Histogram } from 'hdr-histogram-js';
import type { Report } from './report.js';

const WIDTH = 860;
const PANEL = { left: 70, width: 760, height: 220 };
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

interface Drawing {
  readonly max: number;
  readonly marks: (y: (value: number) => number) => string[];
}

function panel(top: number, label: string, { max, marks }: Drawing): string[] {
  const { left, width, height } = PANEL;
  const y = (value: number) => top + height - (max === 0 ? 0 : (value / max) * height);
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [
    `<line x1="${left}" x2="${left + width}" y1="${y(part * max)}" y2="${y(part * max)}" stroke="#ddd"/>`,
    `<text x="${left - 6}" y="${y(part * max) + 4}" text-anchor="end">${shown(part * max)}</text>`,
  ]);
  return [`<text x="${left}" y="${top - 10}">${escaped(label)}</text>`, ...grid, ...marks(y)];
}

function percentileCurve(latency: Histogram): Drawing {
  const { left, width } = PANEL;
  const last = -Math.log10(1 - (NINES.at(-1) ?? 0) / 100);
  const x = (percentile: number) => left + (-Math.log10(1 - percentile / 100) / last) * width;
  const steps = Array.from({ length: 200 }, (_, i) => 100 * (1 - 10 ** (-(last * i) / 199)));
  const value = (percentile: number) => latency.getValueAtPercentile(percentile) / 1_000;
  return {
    max: latency.totalCount === 0 ? 0 : value(99.99),
    marks: (y) => [
      `<polyline fill="none" stroke="#06c" stroke-width="2" points="${steps.map((p) => `${x(p).toFixed(1)},${y(value(p)).toFixed(1)}`).join(' ')}"/>`,
      ...NINES.map((p) => `<text x="${x(p)}" y="${y(0) + 18}" text-anchor="middle">${p} %</text>`),
    ],
  };
}

function bars(seconds: readonly number[]): Drawing {
  const { left, width } = PANEL;
  const step = width / Math.max(1, seconds.length);
  const every = Math.ceil(seconds.length / 20);
  return {
    max: Math.max(0, ...seconds),
    marks: (y) =>
      seconds.flatMap((n, i) => [
        `<rect x="${(left + i * step).toFixed(1)}" y="${y(n).toFixed(1)}" width="${Math.max(1, step - 1).toFixed(1)}" height="${(y(0) - y(n)).toFixed(1)}" fill="#6a9"/>`,
        ...(i % every === 0
          ? [`<text x="${left + (i + 0.5) * step}" y="${y(0) + 18}" text-anchor="middle">${i + 1} s</text>`]
          : []),
      ]),
  };
}

function shown(value: number): string {
  return value >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(2);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
