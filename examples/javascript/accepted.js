// Adds up the numbers on its input.
const numbers = require('node:fs').readFileSync(0, 'utf8').split(/\s+/).filter(Boolean);
console.log(String(numbers.reduce((sum, number) => sum + BigInt(number), 0n)));
