import { getAnonymousBus } from "./bus-registry.ts";
import type { CallOptions, MessageBus } from "./message-bus.ts";
import { pluginOfEndpoint } from "./plugin-id.ts";

/** As whom an RPC client calls. */
export interface RPCClientOptions {
  /** The bus of the caller. Default: the transport of this process, as `anonymous`. */
  readonly bus?: MessageBus;
}

/** Calls the methods behind `plugin://<id>/rpc`. Holds nothing and needs no closing. */
export class RPCClient {
  readonly endpoint: string;
  readonly #bus: MessageBus | undefined;

  /** Refuses with an InvalidEndpointError what is not `plugin://<id>/rpc`. The server need not be there yet. */
  constructor(endpoint: string, { bus }: RPCClientOptions = {}) {
    pluginOfEndpoint(endpoint);
    this.endpoint = endpoint;
    this.#bus = bus;
  }

  /** Resolves to what the method returns; rejects as `MessageBus.call` does. Parameters are `{}` by default. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what a result is, caller and method agree on
  call(method: string, params: unknown = {}, options?: CallOptions): Promise<any> {
    // Asked each time: after `resetMessageBus` it is another one.
    return (this.#bus ?? getAnonymousBus()).call(this.endpoint, method, params, options);
  }
}
