/** Something that can be closed, and says when it was. */
export interface Closable {
  readonly closed: Promise<unknown>;
  close(): Promise<void>;
}

/** Closes when the signal is aborted; a signal that lives longer holds nothing of what is closed already. */
export function closeOnAbort(closable: Closable, signal: AbortSignal | undefined): void {
  if (!signal) return;
  const onAbort = () => void closable.close();
  signal.addEventListener("abort", onAbort);
  void closable.closed.then(() => signal.removeEventListener("abort", onAbort));
  if (signal.aborted) onAbort();
}
