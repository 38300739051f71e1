/** Why a server cannot listen where its settings say, named by the setting that can be changed. */

import { TurnoError } from '../errors.js';

export interface ListeningPlace {
  readonly host: string;
  readonly port: number;
  readonly flag: '--port' | '--tcp-port';
}

export function listenFailure(error: unknown, { host, port, flag }: ListeningPlace): TurnoError {
  const refuse = (name: string, problem: string) =>
    new TurnoError('TURNO_SETTING', { name, problem }, { cause: error });
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return refuse(flag, `${port} of ${host} is in use by another program. Choose another, or end that one.`);
    case 'EACCES':
      return refuse(flag, `${port} is for root (EACCES). Choose one from 1024 on.`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return refuse('--host', `expected an address of this machine, got ${JSON.stringify(host)}`);
    default:
      return TurnoError.from(error, `listening on ${host}:${port}`);
  }
}
