/** How a process of a picture ended, in words: `exit code 1`, `killed by SIGKILL`. Arguments are those of Node's exit event. */
export function endInWords(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code}` : `killed by ${signal}`;
}
