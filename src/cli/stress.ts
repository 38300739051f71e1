/** `turno stress`: puts a server under load with client processes, and says what became of every request. */

import { extname } from 'node:path';
import { Command } from 'commander';
import { TurnoError } from '../errors.js';
import { connect, serverAddress } from '../io/connect.js';
import { heardTwice } from '../stress/heard-twice.js';
import type { Plan } from '../stress/plan.js';
import { barOn } from './bar.js';
import { type Context, credentialsOf, print, serverOf, withServer } from './context.js';
import { integerOption } from './integer-option.js';
import { filesOf, languageOfFile } from './submission-files.js';
import { writeFile } from './write-file.js';

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
    .description(
      'put the server under load and say what became of every request (exit status 1 when one failed or was not answered)',
    )
    .option('--transport <address>', 'another way in of the same server: tcp://..., unix:PATH, signal:DATA_DIRECTORY')
    .option('--mix <list>', 'ping, hello-c, hello-python, loop, crash, compile-error or files, each =WEIGHT', 'hello-c')
    .option('--rate <n>', 'open loop: requests a second, whether they are answered or not')
    .option('--concurrency <n>', 'closed loop: requests under way at once (default 8, or one a client)')
    .option('--duration <s>', 'how long', '10')
    .option('--grace <s>', 'how long answers are waited for at the end', '30')
    .option('--clients <n>', 'processes that send, the load divided among them (1 to 1000)', '1')
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
  const clients = integerOption('--clients', options.clients, 1, 1_000);
  const pace = await paceOf(options, clients);
  if (options.svg !== undefined) writeFile(options.svg, ''); // before the load, not after it, it is known that it can be written
  const plan = await planOf(context, options, pace);
  const durationS = plan.durationS ?? 0;
  const bar = barOn(context.err, '{bar} {value}/{total} s  {figures}');
  // The first Ctrl-C ends the load and waits for the report; who asks twice does not want to wait for answers.
  const { first: isAsked, second: isHurried, takeBack } = heardTwice('SIGINT', 'SIGTERM');
  bar?.start(durationS, 0, { figures: '' });
  const {
    figures,
    durationS: tookS,
    lost,
  } = await drive({
    plan,
    clients,
    isAsked,
    isHurried,
    onLook: (now, seconds) => bar?.update(Math.min(durationS, Math.floor(seconds)), { figures: lineOf(now, seconds) }),
  }).finally(() => {
    bar?.stop();
    takeBack();
  });
  const report = reportOf(figures, tookS, lost);
  print(context.out, options.json ? JSON.stringify({ server: plan.server, ...report }, undefined, 2) : textOf(report));
  if (options.svg !== undefined) writeFile(options.svg, plotOf(report, figures.latency, `turno stress ${plan.server}`));
  const isClean = Object.keys(report.errors).length === 0 && report.unaccounted === 0 && report.unanswered === 0;
  context.status = isClean ? 0 : 1;
}

type Pace = Pick<Plan, 'durationS' | 'graceS' | 'rate' | 'concurrency'>;

const FLAGS: Readonly<Record<keyof Pace, string>> = {
  durationS: '--duration',
  graceS: '--grace',
  rate: '--rate',
  concurrency: '--concurrency',
};

/** How fast and how long; checked before anything is asked of a server. @throws TURNO_SETTING naming the flag */
async function paceOf(options: StressOptions, clients: number): Promise<Pace> {
  const { checkPlan } = await import('../stress/plan.js');
  const {
    duration,
    grace,
    rate,
    concurrency = rate === undefined ? String(Math.max(8, clients)) : undefined,
  } = options;
  const pace = {
    durationS: numberOf('--duration', duration),
    graceS: numberOf('--grace', grace),
    ...(rate === undefined ? {} : { rate: numberOf('--rate', rate) }),
    ...(concurrency === undefined ? {} : { concurrency: numberOf('--concurrency', concurrency) }),
  };
  try {
    checkPlan({ server: '', mix: [{ name: 'ping', weight: 1 }], ...pace });
  } catch (error) {
    const { field, problem } = (error as TurnoError).details ?? {};
    throw new TurnoError('TURNO_SETTING', { name: FLAGS[field as keyof Pace], problem }, { cause: error });
  }
  if (clients > (pace.concurrency ?? clients)) {
    const problem = `expected at most as many as --concurrency, ${pace.concurrency}: each has a request under way, got ${clients}`;
    throw new TurnoError('TURNO_SETTING', { name: '--clients', problem });
  }
  return pace;
}

async function planOf(context: Context, options: StressOptions, pace: Pace): Promise<Plan> {
  const [{ checkPlan }, { mixOf }] = await Promise.all([import('../stress/plan.js'), import('../stress/programs.js')]);
  const home = serverOf(context, options);
  const server = options.transport === undefined ? home : serverAddress(options.transport, '--transport');
  const client = await connect(server);
  try {
    const languages = await client.languages();
    const mix = await mixOf(options.mix, async (file) => {
      if (!languages.some(({ extension }) => extension === extname(file))) return undefined;
      return { language: languageOfFile(file, languages), ...filesOf(file, []) };
    });
    const token =
      context.environment.TURNO_TOKEN ?? credentialsOf(context).of(home)?.token ?? (await registered(client));
    return checkPlan({ server, token, mix, ...pace });
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
