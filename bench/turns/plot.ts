/** SVG by hand: distributions of latencies, and who had which lane when. */

const WIDTH = 900;
const LEFT = 70;
const RIGHT = 210;
const COLOURS = ['#1b6ca8', '#d1495b', '#2e8b57', '#edae49', '#6a4c93', '#00798c', '#8d5524', '#5f6b6d'];
/** Hello must be seen among all the others. */
const HELLO_COLOUR = '#e00000';
const MOST_NAMED = 4;

export interface Curve {
  readonly name: string;
  /** Sorted. */
  readonly latenciesMs: readonly number[];
}

/** A stay on a lane. */
export interface Stay {
  readonly lane: number;
  readonly user: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The slowest part of the requests the axis reaches: one in a thousand. */
const FINEST = 3;

/**
 * Which part of the requests took at most so long. Both axes are logarithmic: upwards each mark is a tenth of the slow part
 * that the one below leaves, so that the slowest are as easy to tell apart as the rest.
 */
export function distributionSvg(title: string, curves: readonly Curve[]): string {
  const all = curves.flatMap(({ latenciesMs }) => [latenciesMs[0] ?? 1, latenciesMs.at(-1) ?? 1]);
  const least = Math.floor(Math.log10(Math.min(...all)));
  const most = Math.ceil(Math.log10(Math.max(...all)));
  const height = 420;
  const x = (ms: number) => LEFT + ((Math.log10(ms) - least) / (most - least)) * (WIDTH - LEFT - RIGHT);
  const y = (part: number) => height - 50 - (Math.min(FINEST, -Math.log10(1 - part)) / FINEST) * (height - 100);
  const grid: string[] = [];
  for (let power = least; power <= most; power++) {
    for (const times of [1, 2, 5]) {
      if (power === most && times > 1) break;
      const ms = times * 10 ** power;
      grid.push(
        line(x(ms), y(0), x(ms), y(1)),
        text(x(ms), height - 30, ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`, 'middle'),
      );
    }
  }
  for (const part of [0, 0.5, 0.9, 0.99, 0.999]) {
    grid.push(
      line(LEFT, y(part), WIDTH - RIGHT, y(part)),
      text(LEFT - 6, y(part) + 4, `${Number((part * 100).toFixed(1))} %`, 'end'),
    );
  }
  const drawn = curves.flatMap(({ name, latenciesMs }, n) => {
    const points = latenciesMs.map((ms, i) => `${x(ms).toFixed(1)},${y((i + 1) / latenciesMs.length).toFixed(1)}`);
    const colour = COLOURS[n % COLOURS.length];
    return [
      `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points.join(' ')}"/>`,
      `<rect x="${WIDTH - RIGHT + 12}" y="${50 + 18 * n}" width="10" height="10" fill="${colour}"/>`,
      text(WIDTH - RIGHT + 28, 59 + 18 * n, name, 'start'),
    ];
  });
  return svg(height, title, [...grid, ...drawn]);
}

/** A row for each lane, a colour for each user. */
export function lanesSvg(title: string, stays: readonly Stay[]): string {
  const lanes = Math.max(0, ...stays.map(({ lane }) => lane)) + 1;
  const users = [...new Set(stays.map(({ user }) => user))];
  const [begin, end] = [Math.min(...stays.map(({ fromMs }) => fromMs)), Math.max(...stays.map(({ toMs }) => toMs))];
  const height = Math.max(110 + 50 * lanes, 80 + 18 * MOST_NAMED);
  const x = (ms: number) => LEFT + ((ms - begin) / (end - begin)) * (WIDTH - LEFT - RIGHT);
  const others = users.filter((user) => user !== 'hello');
  const colourOf = (user: string) => (user === 'hello' ? HELLO_COLOUR : COLOURS[others.indexOf(user) % COLOURS.length]);
  const rows = Array.from({ length: lanes }, (_, lane) => text(LEFT - 6, 80 + 50 * lane, `lane ${lane}`, 'end'));
  const bars = stays.map(({ lane, user, fromMs, toMs }) => {
    const width = Math.max(0.3, x(toMs) - x(fromMs)).toFixed(2);
    return `<rect x="${x(fromMs).toFixed(2)}" y="${55 + 50 * lane}" width="${width}" height="40" fill="${colourOf(user)}"${user === 'hello' ? '' : ' fill-opacity="0.45"'}/>`;
  });
  const named = ['hello', ...others.slice(0, others.length > MOST_NAMED ? 0 : MOST_NAMED)];
  const legend = named.flatMap((user, n) => [
    `<rect x="${WIDTH - RIGHT + 12}" y="${50 + 18 * n}" width="10" height="10" fill="${colourOf(user)}"/>`,
    text(WIDTH - RIGHT + 28, 59 + 18 * n, user, 'start'),
  ]);
  if (others.length > MOST_NAMED)
    legend.push(text(WIDTH - RIGHT + 12, 77, `the rest: ${others.length} users`, 'start'));
  const axis = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    text(
      x(begin + part * (end - begin)),
      75 + 50 * lanes,
      `${(Math.round(part * (end - begin)) / 1_000).toFixed(2)} s`,
      'middle',
    ),
  );
  return svg(height, title, [...rows, ...bars, ...legend, ...axis]);
}

function svg(height: number, title: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`;
  const back = `<rect width="${WIDTH}" height="${height}" fill="white"/>`;
  return `${[head, back, text(LEFT, 25, title, 'start', 15), ...parts, '</svg>'].join('\n')}\n`;
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#ddd"/>`;
}

function text(x: number, y: number, words: string, anchor: string, size = 12): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}">${safe}</text>`;
}
