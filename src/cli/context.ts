/** What a command works with: where it prints, its environment, and its way to the server. */

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SETTINGS } from '../config.js';
import { TurnoError } from '../errors.js';
import { type Client, Refusal } from '../io/client.js';
import { connect, serverAddress } from '../io/connect.js';
import { Credentials } from './credentials.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Context {
  readonly environment: Environment;
  /** Results, for people and for pipes. */
  readonly out: NodeJS.WritableStream;
  /** Everything that is not the result: progress, complaints. */
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Exit status of the process, when a command went through: 0 unless it says otherwise. */
  status: number;
}

const DEFAULT_SERVER = `http://${SETTINGS.host.default}:${SETTINGS.port.default}`;

/** Adds what every command has that talks to a server. */
export function withServer(command: Command): Command {
  return command.option('--server <address>', `the server (default ${DEFAULT_SERVER}; TURNO_SERVER)`);
}

/** The data directory of commands that work on one, when they are not told another: that of a server started here. */
export function dataDirectoryOf({ environment }: Context): string {
  return environment.TURNO_DATA ?? SETTINGS.data.default;
}

/** @throws TURNO_SETTING when what is set is no address */
export function serverOf(context: Context, options: { server?: string }): string {
  return serverAddress(options.server ?? context.environment.TURNO_SERVER ?? DEFAULT_SERVER);
}

export function credentialsOf({ environment }: Context): Credentials {
  const home = environment.XDG_CONFIG_HOME || join(environment.HOME || homedir(), '.config');
  return new Credentials(join(home, 'turno'));
}

/** @throws TURNO_NO_TOKEN when neither the environment nor the kept file has one for this server */
export async function authenticatedClient(context: Context, options: { server?: string }): Promise<Client> {
  const server = serverOf(context, options);
  const credentials = credentialsOf(context);
  const token = context.environment.TURNO_TOKEN ?? credentials.of(server)?.token;
  if (token !== undefined) return await connect(server, { token });
  const client = await connect(server);
  // With --socket-trust uid whoever connects to the Unix socket is somebody already.
  if (server.startsWith('unix:') && (await isKnown(client))) return client;
  await client.close();
  const kept = credentials.servers.join(', ') || 'none';
  throw new TurnoError('TURNO_NO_TOKEN', { server, path: credentials.path, kept });
}

async function isKnown(client: Client): Promise<boolean> {
  try {
    await client.list({ limit: 1 });
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'TURNO_TOKEN_MISSING') return false;
    throw error;
  }
}

export function print(stream: NodeJS.WritableStream, text: string): void {
  stream.write(text.endsWith('\n') ? text : `${text}\n`);
}
