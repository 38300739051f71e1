/**
 * One front: a node:cluster worker that serves. Its parts, started in this order and stopped in reverse: its share of the
 * directory's lock, the region, the pools, the judge, the transports.
 *
 * It ends with the primary (PR_SET_PDEATHSIG), and it leaves the signals that mean something to the primary.
 */

import { closeSync, constants, openSync } from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { TurnoError } from '../errors.js';
import { Answers } from '../io/answers.js';
import { HttpTransport } from '../io/http.js';
import { Operations } from '../io/operations.js';
import { SignalTransport } from '../io/signal.js';
import { SocketTransport } from '../io/socket.js';
import { directCodec, PoolCodec } from '../io/socket-codec.js';
import { Store } from '../io/store.js';
import type { Transport } from '../io/transport.js';
import { Judge } from '../judge.js';
import { UNSAFE_BACKEND } from '../pool/backend.js';
import { checkedMounts } from '../pool/mounts.js';
import { ProcessTable } from '../pool/process-table.js';
import { Runners } from '../pool/runners.js';
import { SavedMarks } from '../pool/saved-marks.js';
import { Savers } from '../pool/savers.js';
import { ProblemStore } from '../problems/problem-store.js';
import { cellBinary, native } from '../shm/native.js';
import { openTable } from '../shm/table.js';
import { rowIndex } from '../units.js';
import { holdDirectory } from './data-directory.js';
import type { FrontMessage, FrontSetup, PrimaryMessage } from './messages.js';
import { socketPlaces } from './places.js';

const tell = (message: FrontMessage) => process.send?.(message);

// Before anything else: without a listener SIGUSR1 opens the debugger's port and SIGUSR2 ends the process. SIGINT and
// SIGTERM reach every process of the terminal's group; what they mean is the primary's to decide.
for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => tell({ kind: 'signal', signal }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
native.setDeathSignal(os.signals.SIGKILL);
// The primary may have died before the line above: then nobody would ever tell us.
if (!process.connected) process.exit(1);

let running: { judge: Judge; stop(deadlineMs: number, drain: boolean): Promise<void> } | undefined;

process.on('message', (message: PrimaryMessage) => {
  handle(message).catch((error: unknown) => {
    // Whatever fails here, this front cannot go on: the primary starts another.
    const { code, details } = TurnoError.from(error, `a front, ${message.kind}`);
    tell({ kind: 'failed', code, details });
  });
});

tell({ kind: 'hello' });

async function handle(message: PrimaryMessage): Promise<void> {
  switch (message.kind) {
    case 'setup':
      running = await start(message.setup);
      return;
    case 'adopt':
      await running?.judge.adopt(message.rows.map(rowIndex));
      return;
    case 'cancelled':
      running?.judge.forget(rowIndex(message.row), message.user);
      return;
    case 'reload':
      running?.judge.users.setInvite(message.invite);
      running?.judge.setLanguages(message.languages);
      return;
    case 'stop':
      await running?.stop(message.deadlineMs, message.drain);
      process.disconnect();
      process.exit(0);
  }
}

async function start(setup: FrontSetup) {
  const { settings, dataDirectory, languages, invite, operator } = setup;
  const { maxQueued } = settings;
  process.umask(setup.umask);
  const log = pino({ level: settings.logLevel, base: { pid: process.pid, part: 'front' } }, pino.destination(2));
  const holdFd = holdDirectory(dataDirectory);
  const table = openTable({ path: join(dataDirectory, 'table.turno'), create: false });
  const turnsPath = join(dataDirectory, 'turns.turno');
  const processTable = ProcessTable.open(turnsPath, setup.slotCount);
  const turnsFd = openSync(turnsPath, constants.O_RDWR | constants.O_NOFOLLOW);
  const isDurable = settings.durability === 'power';
  const store = new Store(dataDirectory, isDurable);
  const savedMarks = new SavedMarks();
  const saverSetup = { table: table.buffer, dataDirectory, isDurable, savedMarks: savedMarks.words };
  const savers = new Savers(saverSetup, settings.savers);
  const runners = new Runners(
    {
      ...saverSetup,
      processTable: processTable.buffer,
      turnsFd,
      cellBinary,
      cellGroup: setup.cellGroup,
      backend: settings.unsafeNoSandbox ? UNSAFE_BACKEND : 'auto',
      isRealtime: settings.realtime === 'auto',
      maxCells: Math.max(1, Math.floor(settings.cells / settings.fronts)),
      mounts: checkedMounts(settings.mount, dataDirectory),
      logLevel: settings.logLevel,
      languages: languages.offered,
    },
    settings.runners,
  );
  const onCancel = (row: number, user: number) => tell({ kind: 'cancelled', row, user });
  const backend = await runners.probe();
  if (settings.unsafeNoSandbox) log.warn('programs run without any sandbox (--unsafe-no-sandbox)');
  const problems = new ProblemStore(dataDirectory);
  const words = { maxQueued, invite, operator, sandbox: backend, turns: settings.turns };
  const judge = new Judge({
    table,
    processTable,
    store,
    problems,
    savers,
    runners,
    savedMarks,
    languages,
    settings,
    log,
    onCancel,
    ...words,
  });
  const operations = new Operations(judge, settings);
  const authenticate = (token: string) => judge.users.authenticate(token);
  const places = socketPlaces(settings);
  const codec =
    settings.socketMode === 'pool' && places.length > 0 ? new PoolCodec(settings.socketThreads) : directCodec;
  const answers = new Answers(operations, log);
  const localUser = (uid: number) => judge.users.local(uid);
  const transports: Transport[] = [
    new HttpTransport({ operations, authenticate, settings, log }),
    ...places.map((place) => new SocketTransport({ place, answers, codec, authenticate, localUser, settings })),
    ...(settings.signals === 'on'
      ? [new SignalTransport({ dataDirectory, answers, authenticate, settings, log })]
      : []),
  ];
  const urls: string[] = [];
  for (const transport of transports) urls.push((await transport.start()).url);
  tell({ kind: 'ready', urls, backend });
  let isInHaste: () => void = () => undefined;
  const haste = new Promise<void>((resolve) => {
    isInHaste = resolve;
  });
  const end = async (deadlineMs: number) => {
    judge.refuse();
    runners.refuse();
    await Promise.race([judge.drained(), haste]);
    await runners.stop();
    // A slow client must not use up all the time there is.
    await Promise.all(transports.map((transport) => transport.stop(deadlineMs / 2)));
    await codec.stop();
    await savers.stop();
    table.close();
    closeSync(turnsFd);
    closeSync(holdFd);
  };
  let ending: Promise<void> | undefined;
  return {
    judge,
    stop(deadlineMs: number, drain: boolean): Promise<void> {
      if (!drain) isInHaste();
      ending ??= end(deadlineMs);
      return ending;
    },
  };
}
