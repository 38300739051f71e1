/** What commander calls with each value of a flag that may be repeated: the option becomes the list of all of them. */
export const appended = (value: string, before: readonly string[] = []): string[] => [...before, value];
