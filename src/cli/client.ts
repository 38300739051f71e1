/** `turno client PLAN`: stays in memory, driven by signals, and puts a server under load (src/stress/resident.ts). */

import { Command } from 'commander';
import type { ResidentEvent } from '../stress/resident.js';
import { type Context, print } from './context.js';

const SIGNALS = `
Signals:
  SIGUSR1  send a burst of the plan     SIGUSR2  print the figures so far
  SIGHUP   read the plan again          SIGTERM  wait for what is under way, print the report, end;
                                                 a second time: do not wait

A plan is a JSON file:
  {"server": "http://127.0.0.1:8040", "token": "...", "concurrency": 8, "durationS": 10,
   "mix": [{"name": "hello", "weight": 1, "body": {"language": "python", "source": "print(1)"}}]}
"rate" instead of "concurrency" sends so many a second; "requests" bounds a burst; without "body" it is a ping.`;

export function clientCommand(context: Context): Command {
  return new Command('client')
    .description('stay in memory and put a server under load, driven by signals')
    .argument('<plan>', 'what to send: a JSON file')
    .option('--json', 'say everything as JSON, one object a line')
    .addHelpText('after', SIGNALS)
    .action(async (path: string, options: { json?: true }) => {
      const [{ Resident }, { reportOf, textOf }] = await Promise.all([
        import('../stress/resident.js'),
        import('../stress/report.js'),
      ]);
      const tell = (told: ResidentEvent) => {
        if (options.json) {
          const figures = 'figures' in told ? { figures: told.figures.message() } : {};
          return print(context.out, JSON.stringify({ ...told, ...figures }));
        }
        if ('figures' in told) {
          const report = reportOf(told.figures, told.seconds);
          print(context.out, `${told.event}\n${textOf(report)}\nunder way   ${told.figures.underway}`);
        } else if (told.event === 'ready') print(context.out, `ready, pid ${told.pid}: kill -USR1 ${told.pid}`);
        else if (told.event === 'plan') print(context.out, told.problem ?? 'plan read');
        else print(context.out, 'burst sent');
      };
      await (await Resident.start(path, tell)).live();
    });
}
