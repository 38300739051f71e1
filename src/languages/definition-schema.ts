/**
 * What a file of `languages/` may say (docs/languages.md). Apart from what is made of it (definition.ts): only who reads such
 * files needs the schema, and loading TypeBox costs every thread a tenth of a second.
 */

import { type Static, Type } from '@sinclair/typebox';

const closed = { additionalProperties: false } as const;
const Text = (maxLength = 4_096) => Type.String({ minLength: 1, maxLength });
const Arguments = Type.Array(Text(), { minItems: 1, maxItems: 100 });
const Pattern = (pattern: string, expected: string) => Type.String({ pattern, 'x-expected': expected });

const Environment = Type.Record(
  Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$' }),
  Type.String({ maxLength: 4_096 }),
  {
    additionalProperties: false,
  },
);

const Compile = Type.Object(
  {
    command: Arguments,
    product: Type.Optional(Pattern('^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$', 'a file name of A-Z a-z 0-9 _ . -')),
    env: Type.Optional(Environment),
    limits: Type.Optional(
      Type.Object(
        {
          cpuTimeMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 600_000 })),
          wallTimeMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_200_000 })),
          memoryMiB: Type.Optional(Type.Integer({ minimum: 4, maximum: 1_024 })),
          processes: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_096 })),
        },
        closed,
      ),
    ),
  },
  closed,
);

export const LanguageDefinition = Type.Object(
  {
    name: Text(60),
    extension: Pattern('^\\.[A-Za-z0-9_+-]{1,15}$', 'an extension with its dot, such as ".pl"'),
    tool: Pattern('^(/[^\\0:]+|[A-Za-z0-9_+.-]+)$', 'the name of a command on the PATH, or its absolute path'),
    version: Type.Optional(Arguments),
    compile: Type.Optional(Compile),
    run: Type.Object({ command: Arguments, env: Type.Optional(Environment) }, closed),
    mounts: Type.Optional(Type.Array(Text(), { maxItems: 16 })),
    family: Type.Optional(
      Type.Unsafe<'native' | 'virtual-machine'>({ type: 'string', enum: ['native', 'virtual-machine'] }),
    ),
    ownMemoryMiB: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_024 })),
    outOfMemory: Type.Optional(Text(200)),
    pipesOutput: Type.Optional(Type.Boolean()),
    selfTest: Type.Optional(Type.String({ maxLength: 65_536 })),
  },
  closed,
);
export type LanguageDefinition = Static<typeof LanguageDefinition>;
