/** SIGUSR1 at any process of the server goes on to every program that is alive, running or stopped. */

import { t } from 'tap';
import { type Json, startServer } from '../start-server.js';

const COUNTER = `
import signal
count = 0
def one_more(number, frame):
    global count
    count += 1
signal.signal(signal.SIGUSR1, one_more)
while count == 0:
    pass
print("SIGUSR1", count)
`;
/** Far more CPU time than Python needs to come to the line that sets the handler. */
const SETTLED_CPU_MS = 250;

const submission = (source: string) => ({ language: 'python', source, limits: { cpuTimeMs: 60_000 } });

t.test('it reaches running and stopped programs alike, and ends those that do not expect it', async (t) => {
  const server = await startServer(t, { args: ['--lanes', '1'] });
  const token = await server.register('ada');
  const programs = async (): Promise<Json[]> => (await server.request('GET', '/v1/turns', { token })).body.programs;
  for (const [name, pid] of [
    ['the primary', server.pid],
    ['a front', server.fronts[0] ?? 0],
  ] as const) {
    const answers = [COUNTER, COUNTER, 'while True: pass'].map((source) => server.judge(token, submission(source)));
    const isSettled = (all: Json[]) => all.length === 3 && all.every(({ cpuTimeMs }) => cpuTimeMs > SETTLED_CPU_MS);
    while (!isSettled(await programs())) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(pid, 'SIGUSR1');
    const [first, second, other] = await Promise.all(answers);
    t.match(first, { verdict: 'AC', stdout: 'SIGUSR1 1\n' }, name);
    t.match(second, { verdict: 'AC', stdout: 'SIGUSR1 1\n' }, name);
    t.match(other, { verdict: 'RE', signal: 'SIGUSR1' }, 'its default is to end');
    t.equal((await server.request('GET', '/v1/health')).status, 200, 'the server goes on');
  }
});
