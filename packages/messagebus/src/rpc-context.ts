/** What an RPC handler learns beside its parameters. */
export interface RpcContext {
  /** The plugin that calls, stamped by its bus; `anonymous` for a client without one. */
  readonly caller: string;
  readonly method: string;
  /** Passed through as they are: `traceparent` and the like. */
  readonly headers: Readonly<Record<string, string>>;
  /** Aborted when the caller gives up, leaves or has waited long enough. */
  readonly signal: AbortSignal;
}

/** Carries out a method: returns the result or a promise of it, or throws. */
// oxlint-disable-next-line typescript/no-explicit-any -- what the parameters of a method are, its callers and its handler agree on
export type RpcHandler = (params: any, context: RpcContext) => unknown;

/** The methods behind an endpoint. */
export interface RpcMethods {
  find(method: string): RpcHandler | undefined;
}
