// Builds addon and cell with the node-gyp that npm brings along.
//
// Node's headers are taken from beside the running binary when they are there (distribution packages, nvm, the official
// archives), so that an install needs no download; only otherwise node-gyp fetches them itself.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

const prefix = dirname(dirname(process.execPath));
const headers = [prefix, '/usr', '/usr/local'].find((dir) => existsSync(join(dir, 'include/node/node.h')));
const nodeGyp = findNodeGyp();
const args = [nodeGyp, process.argv[2] ?? 'rebuild', '--silent', ...(headers ? [`--nodedir=${headers}`] : [])];
const { status, error } = spawnSync(process.execPath, args, { stdio: 'inherit' });
if (status !== 0) {
  console.error(
    `turno: building the native parts failed (${error?.message ?? `node-gyp ended with ${status}`}). ` +
      'They need a C and C++ compiler, make and Python 3: try `make deps`, then `npm rebuild`.',
  );
  process.exit(status ?? 1);
}

/** npm runs install scripts with its own path in npm_execpath; outside npm, npm is looked up on the PATH. */
function findNodeGyp() {
  const roots = [process.env.npm_execpath, ...(process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'npm'))]
    .filter((path) => path !== undefined && existsSync(path))
    .flatMap((path) => [path, join(dirname(path), '../lib/node_modules/npm/package.json')]);
  for (const root of [...roots, ...npmInstallations()]) {
    try {
      return createRequire(root).resolve('node-gyp/bin/node-gyp.js');
    } catch {
      // Not in this npm: the next one is tried, and if none has it the error below says so.
    }
  }
  console.error('turno: no node-gyp found beside npm. Install npm, or node-gyp itself, and run `npm rebuild`.');
  process.exit(1);
}

function npmInstallations() {
  return [join(prefix, 'lib/node_modules'), '/usr/lib/node_modules', '/usr/share/nodejs', '/usr/local/lib/node_modules']
    .filter((dir) => existsSync(dir) && readdirSync(dir).includes('npm'))
    .map((dir) => join(dir, 'npm/package.json'));
}
