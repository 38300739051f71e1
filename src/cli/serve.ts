/** `turno serve`: starts the primary, says so in one line, and ends it on SIGINT or SIGTERM. */

import { destination, pino } from 'pino';
import type { Settings } from '../config.js';
import type { Preload } from '../languages/preload.js';
import { loadLanguages } from '../server/languages.js';
import { Primary, type Started } from '../server/primary.js';
import { MIB } from '../units.js';

/** Resolves when the server has ended in order. */
export async function serve(settings: Settings): Promise<void> {
  // Listeners come before anything else: without one SIGUSR1 opens the debugger's port and SIGUSR2 is deadly.
  let primary: Primary | undefined;
  process.on('SIGUSR1', () => primary?.forward());
  process.on('SIGUSR2', () => primary?.snapshot());
  const isAsked = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, resolve);
  });
  const log = pino({ level: settings.logLevel, base: { pid: process.pid, part: 'primary' } }, destination(2));
  const lookForLanguages = () => loadLanguages(settings, process.env.PATH ?? '');
  const languages = await lookForLanguages();
  for (const absent of languages.absent) log.info(absent, 'a language that is not offered');
  primary = new Primary(settings, languages, lookForLanguages, log);
  const started = await Promise.race([primary.start(), isAsked]);
  if (typeof started === 'string') {
    // Asked to end before it had begun: what is there already ends, and the rest is not started any more.
    await primary.stop(false);
    return;
  }
  const tools = languages.offered.map(({ id, tool }) => `${id} (${tool.version}${preloaded(tool.preload)})`);
  process.stdout.write(`${startLine(primary.dataDirectory, started, tools)}\n`);
  const signal = await Promise.race([isAsked, primary.drainAsked.then(() => 'drain' as const)]);
  const drain = settings.drain || signal === 'drain';
  // Whoever asks twice does not want to wait for programs.
  if (drain) for (const again of ['SIGINT', 'SIGTERM'] as const) process.on(again, () => primary.hurry());
  log.info({ signal, drain }, 'ending');
  await primary.stop(drain);
  log.info('ended');
}

function preloaded(preload: Preload | undefined): string {
  if (preload === undefined) return '';
  const mib = (preload.memoryBytes / MIB).toFixed(1);
  return ` with ${preload.modules.join(' and ')}, ${mib} MiB in each cell that runs it`;
}

function startLine(data: string, { urls, rows, backend }: Started, tools: readonly string[]): string {
  const languages = tools.length > 0 ? tools.join(', ') : 'NONE: no tool-chain on the PATH';
  return [
    `turno: ${urls[0]}`,
    ...urls.slice(1),
    `pid ${process.pid}`,
    `data ${data}`,
    `${rows} ${rows === 1 ? 'row' : 'rows'}`,
    `sandbox ${backend.join(' + ')}`,
    `languages ${languages}`,
  ].join('; ');
}
