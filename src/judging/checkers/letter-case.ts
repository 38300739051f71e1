/** Letters whose case makes no difference: those of ASCII, as C's tolower in the "C" locale. Other bytes are themselves. */

export function sameWhateverCase(got: Uint8Array, expected: Uint8Array): boolean {
  if (got.length !== expected.length) return false;
  for (let at = 0; at < got.length; at++) if (lower(got[at]) !== lower(expected[at])) return false;
  return true;
}

function lower(byte = 0): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
