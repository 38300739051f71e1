// Writes native/layout.h from the built layouts, or to standard output with `-`: `npm run layout`.
import { writeFileSync } from 'node:fs';
import { layoutHeader } from '../dist/layout-header.js';

const target = process.argv[2] ?? 'native/layout.h';
if (target === '-') process.stdout.write(layoutHeader());
else writeFileSync(target, layoutHeader());
