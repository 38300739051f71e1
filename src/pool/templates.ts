/**
 * Which runs come from a template, and from which (native/cell/template.h makes them, cells.ts finds the cell that has one).
 *
 * Python: always, unless the submission asks for fresh runs. Compiled programs: when there are several tests, and the
 * executable passes the host's own look. A template of Python has one number for everybody (with the same stack, which it has
 * from its start): nothing of a submission has run in it. That of a program has its submission's own, so that never two submissions share one.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type Language, TemplateKind } from '../languages/language.js';
import { whyNoTemplate } from '../languages/template-elf.js';
import { native, templateHalf } from '../shm/native.js';
import { MIB, NS_PER_MS } from '../units.js';
import type { TemplateOrder } from './cell.js';
import type { Job } from './messages.js';

const PYTHON_NUMBER = 1;
const FIRST_PROGRAM_NUMBER = 2;
/** And what the stack may be, in KiB: a cell in which no template could be made with so little makes others all the same. */
const FIRST_STACK_NUMBER = 2 ** 52;
/** Until it stands. An interpreter may take its time; a program has only been mapped and bound. */
const CPU_NS = { python: 2_000 * NS_PER_MS, program: 5 * NS_PER_MS } as const;
const LEAST_TESTS = 2;
/** Larger executables are not looked at: to read them costs more than their start. */
const MAX_EXECUTABLE_BYTES = 8 * MIB;

export class Templates {
  readonly #halves: Readonly<Record<TemplateKind, number>>;
  /** Open file with the names of a language's preloaded modules. One file for all runs, so that cells keep their copy. */
  readonly #modules = new Map<string, number>();

  constructor() {
    const open = (kind: TemplateKind) => openSync(templateHalf(kind), constants.O_RDONLY);
    this.#halves = { program: open(TemplateKind.program), python: open(TemplateKind.python) };
  }

  /** The language as this job's program is to be compiled: for a template, if one could pay. */
  languageFor({ request }: Job, language: Language): Language {
    const isRepeated = request.problem !== undefined || request.tests.length >= LEAST_TESTS;
    const pays = !request.fresh && isRepeated;
    return (pays ? language.forTemplate : undefined) ?? language;
  }

  /** @param executable open file of a program compiled by `languageFor`; undefined: the language is interpreted */
  orderFor(job: Job, language: Language, executable: number | undefined): TemplateOrder | undefined {
    const { template } = language;
    const paths = job.request.files.map(({ path }) => path);
    if (template === undefined || job.request.fresh || !language.isSameWarm(paths)) return undefined;
    if (executable !== undefined && this.languageFor(job, language) === language) return undefined;
    if (executable !== undefined && !passes(executable)) return undefined;
    const { stackKiB } = job.request.limits;
    const pythonNumber = stackKiB === undefined ? PYTHON_NUMBER : FIRST_STACK_NUMBER + stackKiB;
    const number = template === TemplateKind.python ? pythonNumber : FIRST_PROGRAM_NUMBER + job.arrival;
    const modules = this.#modulesOf(language);
    return {
      number,
      cpuNs: CPU_NS[template],
      half: this.#halves[template],
      ...(modules === undefined ? {} : { modules }),
    };
  }

  #modulesOf({ id, tool: { preload } }: Language): number | undefined {
    if (preload === undefined) return undefined;
    const open = this.#modules.get(id) ?? native.memfd('modules', Buffer.from(`${preload.modules.join('\n')}\n`));
    this.#modules.set(id, open);
    return open;
  }

  close(): void {
    for (const file of [...Object.values(this.#halves), ...this.#modules.values()]) closeSync(file);
  }
}

function passes(executable: number): boolean {
  const { size } = fstatSync(executable);
  if (size > MAX_EXECUTABLE_BYTES) return false;
  const elf = Buffer.alloc(size);
  return readSync(executable, elf, 0, size, 0) === size && whyNoTemplate(elf) === undefined;
}
