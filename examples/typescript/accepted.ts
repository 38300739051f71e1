// Adds up the numbers on its input.
import { readFileSync } from 'node:fs';

const words: string[] = readFileSync(0, 'utf8').split(/\s+/).filter(Boolean);
console.log(String(words.reduce((sum: bigint, word: string) => sum + BigInt(word), 0n)));
