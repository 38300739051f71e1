/**
 * Is there an order of these operations, each at one moment between its beginning and its end, in which every answer is right?
 * The search of Wing and Gong with the memory of Lowe: states that were reached by the same operations are looked at once.
 */

export interface Operation {
  readonly row: number;
  readonly client: number;
  readonly kind: 'put' | 'get' | 'remove';
  /** Written, or read. */
  readonly value: number;
  /** put, remove: whether it was accepted. get: whether the row was done. */
  readonly isTaken: boolean;
  readonly from: number;
  readonly to: number;
}

interface State {
  readonly value: number;
  readonly isDone: boolean;
}

/** The state after an operation, or undefined when its answer is wrong in this state. */
function step({ value, isDone }: State, operation: Operation): State | undefined {
  switch (operation.kind) {
    case 'get':
      return operation.value === value && operation.isTaken === isDone ? { value, isDone } : undefined;
    case 'put':
      if (operation.isTaken === isDone) return undefined;
      return isDone ? { value, isDone } : { value: operation.value, isDone };
    case 'remove':
      return operation.isTaken === isDone ? undefined : { value, isDone: true };
  }
}

/** Of one row, which begins with value 0 and not done. At most some 50 operations. */
export function isLinearizable(operations: readonly Operation[]): boolean {
  const seen = new Set<string>();
  const all = (1n << BigInt(operations.length)) - 1n;
  const search = (placed: bigint, state: State): boolean => {
    if (placed === all) return true;
    const key = `${placed}/${state.value}/${state.isDone}`;
    if (seen.has(key)) return false;
    seen.add(key);
    const open = operations.filter((_, index) => (placed & (1n << BigInt(index))) === 0n);
    const firstEnd = Math.min(...open.map(({ to }) => to));
    return operations.some((operation, index) => {
      const bit = 1n << BigInt(index);
      // What began after another had ended comes after it.
      if ((placed & bit) !== 0n || operation.from > firstEnd) return false;
      const next = step(state, operation);
      return next !== undefined && search(placed | bit, next);
    });
  };
  return search(0n, { value: 0, isDone: false });
}
