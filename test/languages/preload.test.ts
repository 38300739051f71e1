/** What is said of modules before they are preloaded, and which submissions are run without them. */

import { t } from 'tap';
import { isShadowed, preloadOf } from '../../src/languages/preload.js';
import { findPython } from '../../src/languages/tool-chain.js';

const found = await findPython('python3', process.env.PATH ?? '');
const python = 'path' in found ? found.path : '';

t.test('what comes with a module is known by name, and what it takes', { skip: python === '' }, async (t) => {
  const preload = await preloadOf(python, ['json', 'xml.dom.minidom']);
  t.ok(['json', '_json', 'xml', 'copy'].every((name) => preload.names.includes(name)));
  t.notOk(preload.names.includes('os'), 'what every interpreter has imported anyway is not among it');
  t.ok(preload.memoryBytes > 100_000 && preload.memoryBytes < 50e6, `${preload.memoryBytes} bytes`);
});

t.test('what cannot be preloaded is refused, and said why', { skip: python === '' }, async (t) => {
  const refused = { code: 'TURNO_SETTING' };
  await t.rejects(preloadOf(python, ['no_such_module']), { ...refused, message: /No module named 'no_such_module'/ });
  await t.rejects(preloadOf(python, ['json; import os']), { ...refused, message: /a name such as/ });
  await t.rejects(preloadOf(python, ['--help']), refused);
});

t.test('a file that would be imported in place of one of them is found', async (t) => {
  const preload = { modules: ['numpy'], names: ['json', 'numpy'], memoryBytes: 0 };
  for (const path of ['json.py', 'numpy/__init__.py', 'json.cpython-311-x86_64-linux-gnu.so', 'numpy.py']) {
    t.ok(isShadowed(preload, ['main.py', path]), path);
  }
  for (const path of ['main.py', 'data/json.py', 'my_json.py', 'numpy_tools.py'])
    t.notOk(isShadowed(preload, [path]), path);
});
