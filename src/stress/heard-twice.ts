/** Requests to end by signals: the first is to end in order, the second not to wait for that. */

export interface HeardTwice {
  readonly first: Promise<void>;
  readonly second: Promise<void>;
  /** The signals do again what they did before. */
  readonly takeBack: () => void;
}

/** @param signals counted together */
export function heardTwice(...signals: readonly NodeJS.Signals[]): HeardTwice {
  const resolves: (() => void)[] = [];
  const next = () => new Promise<void>((resolve) => resolves.push(resolve));
  const [first, second] = [next(), next()];
  const heard = () => resolves.shift()?.();
  for (const signal of signals) process.on(signal, heard);
  const takeBack = () => {
    for (const signal of signals) process.off(signal, heard);
  };
  return { first, second, takeBack };
}
