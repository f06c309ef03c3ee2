import { getMessageBus, getSystemBus } from "./bus-registry.ts";
import { checkMethodName } from "./envelope.ts";
import { InvalidEndpointError, InvalidMessageError, OverloadedError } from "./errors.ts";
import type { BusLimits } from "./limits.ts";
import type { MessageBus, Serving } from "./message-bus.ts";
import { pluginOfEndpoint, SYSTEM_ID } from "./plugin-id.ts";
import type { RpcHandler, RpcMethods } from "./rpc-context.ts";

/** Where an RPC server serves. */
export interface RPCServerOptions {
  /** The bus of the plugin in the endpoint. Default: `getMessageBus(<id>)`. */
  readonly bus?: MessageBus;
}

/**
 * Named methods behind `plugin://<id>/rpc`, in service from its construction. Of two servers for one endpoint the newer answers;
 * when it is closed nobody does, the older does not come back.
 */
export class RPCServer implements RpcMethods, Disposable {
  readonly endpoint: string;
  readonly #methods = new Map<string, RpcHandler>();
  readonly #limits: BusLimits;
  readonly #serving: Serving;

  /** Refuses with an InvalidEndpointError what is not `plugin://<id>/rpc`, and a bus of another plugin. */
  constructor(endpoint: string, { bus }: RPCServerOptions = {}) {
    const pluginId = pluginOfEndpoint(endpoint);
    if (bus && bus.pluginId !== pluginId) {
      throw new InvalidEndpointError(`${endpoint} is not an endpoint of plugin ${bus.pluginId}`);
    }
    this.endpoint = endpoint;
    const own = bus ?? (pluginId === SYSTEM_ID ? getSystemBus() : getMessageBus(pluginId));
    this.#limits = own.limits;
    this.#serving = own.serve(this);
  }

  /** Resolves when callers from everywhere reach it; see `Subscription.ready`. */
  get ready(): Promise<void> {
    return this.#serving.ready;
  }

  /** Adds a method, or replaces it. What the handler throws reaches the caller as a RemoteError with the same message. */
  register(method: string, handler: RpcHandler): this {
    checkMethodName(method, this.#limits);
    if (typeof handler !== "function") throw new InvalidMessageError(`the handler of method ${method} is a function`);
    const most = this.#limits["rpc.methods"];
    if (this.#methods.size >= most && !this.#methods.has(method)) {
      throw new OverloadedError(`an RPC server has at most ${most} methods`);
    }
    this.#methods.set(method, handler);
    return this;
  }

  /** Removes a method; false when there was none. Calls of it that run go on. */
  unregister(method: string): boolean {
    return this.#methods.delete(method);
  }

  /** The handler of a method; for the bus. */
  find(method: string): RpcHandler | undefined {
    return this.#methods.get(method);
  }

  /** Takes it out of service: calls are refused with a NoResponderError, those that run go on. */
  close(): void {
    this.#serving[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
