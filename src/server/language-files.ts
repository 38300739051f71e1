/**
 * Languages that are files of the data directory, `languages/ID.json` (docs/languages.md): read, and checked with every placeholder and
 * mount of theirs.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TurnoError } from '../errors.js';
import { refuse, shown } from '../io/complaint.js';
import { Validators } from '../io/validator.js';
import { handlerOf, PLACEHOLDERS } from '../languages/definition.js';
import { LanguageDefinition } from '../languages/definition-schema.js';
import type { LanguageHandler } from '../languages/language.js';
import { OWN_IDS } from '../languages/registry.js';
import { didYouMean } from '../nearest.js';
import { checkedMounts } from '../pool/mounts.js';

const ID = /^[a-z][a-z0-9+_-]{0,31}$/;

/** The language in `languages/NAME` of a data directory. @throws TURNO_LANGUAGE for a file that makes no sense */
export function languageIn(directory: string, name: string, data: string): LanguageHandler {
  const path = join(directory, name);
  const id = name.slice(0, -'.json'.length);
  try {
    return handlerOf(checkedId(id), definitionAt(path, data));
  } catch (error) {
    if (!(error instanceof TurnoError)) throw error;
    const { field, problem } = error.details;
    const whole = field === undefined ? (problem ?? error.message) : `${field}: ${problem}`;
    throw new TurnoError('TURNO_LANGUAGE', { path, problem: whole }, { cause: error });
  }
}

function checkedId(id: string): string {
  if (!ID.test(id)) {
    throw refuse('the file name', `expected 1 to 32 of a-z 0-9 + _ -, beginning with a letter, got ${shown(id)}`);
  }
  if (OWN_IDS.includes(id)) throw refuse('the file name', `${id} is a language of turno itself: choose another`);
  return id;
}

/** The definition, its mounts as a cell takes them. */
function definitionAt(path: string, data: string): LanguageDefinition {
  const definition = new Validators().compile(LanguageDefinition, 'the file')(parsed(path)) as LanguageDefinition;
  checkCommands(definition);
  checkPattern(definition.outOfMemory);
  const mounts = (definition.mounts ?? []).flatMap((mount, index) => {
    try {
      return checkedMounts([mount], data);
    } catch (error) {
      if (!(error instanceof TurnoError)) throw error;
      throw refuse(`mounts[${index}]`, String(error.details.problem));
    }
  });
  return { ...definition, mounts };
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw refuse('the file', `expected JSON, got what cannot be read: ${(error as Error).message}`);
  }
}

/** Nothing is looked up in a cell, a mistyped placeholder would be an argument, and a compiled program is all a run has. */
function checkCommands({ compile, run }: LanguageDefinition): void {
  for (const [where, command] of [
    ['compile.command', compile?.command] as const,
    ['run.command', run.command] as const,
  ]) {
    const isRun = where === 'run.command';
    for (const [index, argument] of (command ?? []).entries()) {
      const field = `${where}[${index}]`;
      for (const [whole, name = ''] of argument.matchAll(/\{(\w+)\}/g)) {
        const known = PLACEHOLDERS.filter((one) => (isRun ? one !== 'sources' : !one.endsWith('MiB')));
        if (!known.some((one) => one === name)) {
          const words = known.map((one) => `{${one}}`).join(' ');
          throw refuse(field, `expected one of ${words}, got ${shown(whole)}${didYouMean(name, known)}`);
        }
        if (isRun && compile && name === 'main')
          throw refuse(field, 'expected {program}: the sources are not there any more, got {main}');
        if (isRun && !compile && name === 'program')
          throw refuse(field, 'expected {main}: nothing is compiled, got {program}');
      }
      const isFound = argument.startsWith('/') || argument === '{tool}' || (isRun && argument === '{program}');
      if (index === 0 && !isFound)
        throw refuse(field, `expected {tool}, {program} or an absolute path, got ${shown(argument)}`);
    }
  }
}

function checkPattern(pattern: string | undefined): void {
  if (pattern === undefined) return;
  try {
    new RegExp(pattern, 'm');
  } catch (error) {
    throw refuse('outOfMemory', `expected a regular expression, got ${shown(pattern)}: ${(error as Error).message}`);
  }
}
