/** Work that ends when a test says so. */
export interface HeldWork<Value = string> {
  readonly run: () => Promise<Value>;
  readonly succeed: (value: Value) => void;
  readonly fail: (error: unknown) => void;
}

export function heldWork<Value = string>(): HeldWork<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  return { run: () => promise, succeed: resolve, fail: reject };
}
