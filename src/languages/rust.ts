/**
 * Rust 2021, optimised, as one crate whose root is the main file. Linked statically by the system's C compiler, as C is and for
 * the same reason.
 */

import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CELL_ENVIRONMENT,
  type LanguageHandler,
  type NoToolChain,
  operand,
  PROGRAM,
  type ToolChain,
} from './language.js';
import { answer, executables, findCompiler, mountsFor } from './tool-chain.js';

export const rust: LanguageHandler = {
  id: 'rust',
  name: 'Rust 2021 (rustc)',
  extension: '.rs',
  find,
  compile: ({ path, parts }, main) => {
    const linker = `linker=${parts?.linker ?? 'cc'}`;
    const flags = ['--edition=2021', '--crate-name=program', '-O', '-C', linker, '-C', 'target-feature=+crt-static'];
    return {
      path,
      argv: ['rustc', ...flags, '-o', 'program', operand(main)],
      env: CELL_ENVIRONMENT,
      product: 'program',
    };
  },
  run: () => ({ path: PROGRAM, argv: [PROGRAM], env: CELL_ENVIRONMENT }),
  selfTest: 'use std::io;\nfn main() { io::copy(&mut io::stdin().lock(), &mut io::stdout().lock()).unwrap(); }\n',
};

/** `rustc` may be rustup's, which only knows where the real one is. Of a home nothing is shown but that and its library. */
async function find(searchPath: string): Promise<ToolChain | NoToolChain> {
  let reason = 'no rustc on the PATH';
  for await (const candidate of executables('rustc', searchPath)) {
    reason = `${candidate} does not say where its library is`;
    const sysroot = await answer(candidate, ['--print', 'sysroot']);
    const root = sysroot && (await realpath(sysroot).catch(() => undefined)); // a toolchain that was removed
    if (!root) continue;
    const path = join(root, 'bin/rustc');
    const version = /^rustc (\d\S*)/.exec((await answer(path, ['--version'])) ?? '')?.[1];
    const linker = await findCompiler('gcc', searchPath);
    const seen = mountsFor([path, join(root, 'lib')]);
    if (version && seen.mounts && 'path' in linker) {
      return { path, version, mounts: seen.mounts, parts: { linker: linker.path } };
    }
    reason = seen.absent ?? ('absent' in linker ? `rustc needs gcc to link: ${linker.absent}` : reason);
  }
  return { absent: reason };
}
