/** Ctrl-C, or another request to end, in the middle of a command: what is left to say before the signal does what it always does. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * @param before called when a signal comes; then the process ends by it, as whoever sent it expects
 * @returns takes it back
 */
export function beforeInterruption(before: () => void): () => void {
  const heard = (signal: NodeJS.Signals) => {
    takeBack();
    before();
    process.kill(process.pid, signal);
  };
  const takeBack = () => {
    for (const signal of SIGNALS) process.off(signal, heard);
  };
  for (const signal of SIGNALS) process.on(signal, heard);
  return takeBack;
}
