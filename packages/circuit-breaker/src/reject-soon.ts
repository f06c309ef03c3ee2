const now = Promise.resolve();

/**
 * A promise that rejects in the next microtask. One that is rejected at birth costs several times as much: before its
 * caller can take hold of it, it is reported as an unhandled rejection, and the report is taken back afterwards.
 */
export function rejectSoon(error: Error): Promise<never> {
  return new Promise((_resolve, reject) => {
    void now.then(() => reject(error));
  });
}
