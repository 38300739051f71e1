/** Settings: flags before variables before defaults; what is not understood is refused. */

import { t } from 'tap';
import { SETTING_NAMES, SETTINGS } from '../src/config.js';
import { flagOf, optionOf, readSettings, variableOf } from '../src/read-settings.js';

const failure = (flags: Record<string, unknown>, environment: Record<string, string> = {}) => {
  try {
    readSettings(flags, environment);
    return 'accepted';
  } catch (error) {
    return (error as Error).message;
  }
};

t.test('a flag goes before a variable, a variable before the default', async (t) => {
  t.equal(readSettings({}, {}).port, 8040);
  t.equal(readSettings({}, { TURNO_PORT: '81' }).port, 81);
  t.equal(readSettings({ port: '82' }, { TURNO_PORT: '81' }).port, 82);
});

t.test('defaults are within their own bounds', async (t) => {
  const settings = readSettings({}, {});
  for (const name of SETTING_NAMES) {
    t.strictSame(readSettings({ [name]: String(settings[name]) }, {})[name], settings[name], name);
  }
});

t.test('a switch is given by its flag alone, or by true and false as a variable', async (t) => {
  t.equal(readSettings({ unsafeNoSandbox: true }, {}).unsafeNoSandbox, true);
  t.equal(readSettings({}, { TURNO_UNSAFE_NO_SANDBOX: 'true' }).unsafeNoSandbox, true);
  t.equal(readSettings({}, { TURNO_UNSAFE_NO_SANDBOX: 'false' }).unsafeNoSandbox, false);
  t.match(failure({}, { TURNO_UNSAFE_NO_SANDBOX: '1' }), /TURNO_UNSAFE_NO_SANDBOX: expected true or false, got "1"/);
});

for (const value of ['', '-1', '1.5', '1e3', '0x10', ' 80', '65536', 'http', '99999999999999999999', 'NaN']) {
  t.test(`port ${JSON.stringify(value)} is refused with the bounds`, async (t) => {
    t.equal(failure({ port: value }), `--port: expected an integer from 0 to 65535, got ${JSON.stringify(value)}`);
  });
}

t.test('the message names what was typed: the flag or the variable', async (t) => {
  t.match(failure({ logLevel: 'loud' }), /^--log-level: expected one of silent, .*, got "loud"$/);
  t.match(failure({}, { TURNO_LOG_LEVEL: 'loud' }), /^TURNO_LOG_LEVEL: expected one of/);
  t.match(failure({ data: '' }), /^--data: expected a directory, got ""$/);
});

t.test('unknown variables and flags are refused with the nearest name', async (t) => {
  t.equal(failure({}, { TURNO_PROT: '1' }), 'TURNO_PROT: unknown. Did you mean "TURNO_PORT"?');
  t.equal(failure({ maxRow: '1' }), '--max-row: unknown. Did you mean "--max-rows"?');
  t.match(failure({ constructor: '1' }), /^--constructor: unknown/);
  t.equal(failure({}, { TURNO_TOKEN: 'x', TURNO_SERVER: 'y', PATH: 'z' }), 'accepted');
});

t.test('every setting has a flag and a variable of its own, and both stand in its help', async (t) => {
  t.equal(new Set(SETTING_NAMES.map(flagOf)).size, SETTING_NAMES.length);
  for (const name of SETTING_NAMES) {
    const { flags, description } = optionOf(name);
    t.ok(flags.startsWith(flagOf(name)), flags);
    t.match(description, variableOf(name));
    t.match(description, SETTINGS[name].help);
  }
});
