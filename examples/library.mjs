import { connect } from 'turno';

const address = process.argv[2] ?? 'http://127.0.0.1:8040'; // or tcp://HOST:PORT, or unix:PATH
const stranger = await connect(address);
const { token } = await stranger.register(`example-${process.pid}`);
await stranger.close();

const turno = await connect(address, { token });
const twice = { language: 'python', source: 'print(int(input()) * 2)' };
const tests = [21, 4, 0].map((n) => ({ stdin: `${n}`, expected: `${2 * n}` }));
const reply = await turno.submit({ ...twice, tests }, { wait: true });
console.log(reply.verdict, reply.tests.map(({ verdict }) => verdict).join(' '));
await turno.close();
