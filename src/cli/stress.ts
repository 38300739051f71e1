/** `turno stress`: puts a server under load with client processes, and says what became of every request. */

import { writeFileSync } from 'node:fs';
import { extname } from 'node:path';
import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import { connect, serverAddress } from '../io/connect.js';
import type { Plan } from '../stress/plan.js';
import { barOn } from './bar.js';
import { type Context, credentialsOf, print, serverOf, withServer } from './context.js';
import { bytesOfFile } from './submission-files.js';

interface StressOptions {
  readonly server?: string;
  readonly transport?: string;
  readonly mix: string;
  readonly rate?: string;
  readonly concurrency?: string;
  readonly duration: string;
  readonly grace: string;
  readonly clients: string;
  readonly json?: true;
  readonly svg?: string;
}

export function stressCommand(context: Context): Command {
  return withServer(new Command('stress'))
    .description('put the server under load and say what became of every request (exit status 1 on errors)')
    .option('--transport <address>', 'another way in of the same server: tcp://..., unix:PATH, signal:DATA_DIRECTORY')
    .option('--mix <list>', 'ping, hello-c, hello-python, loop, crash, compile-error or files, each =WEIGHT', 'hello-c')
    .option('--rate <n>', 'open loop: requests a second, whether they are answered or not')
    .option('--concurrency <n>', 'closed loop: requests under way at once (default 8)')
    .option('--duration <s>', 'how long', '10')
    .option('--grace <s>', 'how long answers are waited for at the end', '30')
    .option('--clients <n>', 'processes that send', '1')
    .option('--json', 'print the report as JSON')
    .option('--svg <file>', 'write a plot: latency by percentile, answers in each second')
    .action(async (options: StressOptions) => await stress(context, options));
}

async function stress(context: Context, options: StressOptions): Promise<void> {
  const [{ drive }, { lineOf, reportOf, textOf }, { plotOf }] = await Promise.all([
    import('../stress/drive.js'),
    import('../stress/report.js'),
    import('../stress/plot.js'),
  ]);
  const plan = await planOf(context, options);
  const durationS = plan.durationS ?? 0;
  const clients = numberOf('--clients', options.clients);
  if (!Number.isInteger(clients) || clients < 1 || clients > 1_000) {
    throw new TurnoError('TURNO_USAGE', { problem: `--clients: expected an integer from 1 to 1000, got ${clients}` });
  }
  const bar = barOn(context.err, '{bar} {value}/{total} s  {figures}');
  const isAsked = new Promise((resolve) => process.once('SIGINT', resolve));
  bar?.start(durationS, 0, { figures: '' });
  const {
    figures,
    durationS: tookS,
    lost,
  } = await drive({
    plan,
    clients,
    isAsked,
    onLook: (now, seconds) => bar?.update(Math.min(durationS, Math.floor(seconds)), { figures: lineOf(now, seconds) }),
  }).finally(() => bar?.stop());
  const report = reportOf(figures, tookS, lost);
  print(context.out, options.json ? JSON.stringify({ server: plan.server, ...report }, undefined, 2) : textOf(report));
  if (options.svg !== undefined)
    writeFileSync(options.svg, plotOf(report, figures.latency, `turno stress ${plan.server}`));
  const isClean = Object.keys(report.errors).length === 0 && report.unaccounted === 0 && report.unanswered === 0;
  context.status = isClean ? 0 : 1;
}

async function planOf(context: Context, options: StressOptions): Promise<Plan> {
  const [{ checkPlan }, { mixOf }] = await Promise.all([import('../stress/plan.js'), import('../stress/programs.js')]);
  const home = serverOf(context, options);
  const server = options.transport === undefined ? home : serverAddress(options.transport);
  const client = await connect(server);
  try {
    const token =
      context.environment.TURNO_TOKEN ?? credentialsOf(context).of(home)?.token ?? (await registered(client));
    const languages = await client.languages();
    const mix = await mixOf(options.mix, async (file) => {
      const language = languages.find(({ extension }) => extension === extname(file));
      if (language === undefined) return undefined;
      return { language: language.id, source: bytesOfFile(file).toString('utf8') };
    });
    return checkPlan({
      server,
      token,
      mix,
      durationS: numberOf('--duration', options.duration),
      graceS: numberOf('--grace', options.grace),
      ...(options.rate === undefined ? {} : { rate: numberOf('--rate', options.rate) }),
      ...(options.concurrency === undefined && options.rate !== undefined
        ? {}
        : { concurrency: numberOf('--concurrency', options.concurrency ?? '8') }),
    });
  } finally {
    await client.close();
  }
}

/** A user of its own, where nobody is known yet. */
async function registered(client: Awaited<ReturnType<typeof connect>>): Promise<string> {
  return (await client.register(`stress-${process.pid}-${Date.now()}`)).token;
}

function numberOf(flag: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new TurnoError('TURNO_SETTING', { name: flag, problem: `expected a number, got ${JSON.stringify(text)}` });
}
