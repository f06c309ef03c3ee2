import { client, RequestError } from "@agentclientprotocol/sdk";
import type { AnyMessage, ClientConnection, JsonRpcId } from "@agentclientprotocol/sdk";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as z from "zod";

import type { DriverPort } from "../session/agent-driver.ts";

/** What is done with what an agent says. */
export interface AcpConnectionParts {
  readonly port: DriverPort;
  /** Answers a request, or throws a `RequestError`. The signal tells that the agent does not wait any more. */
  readonly onRequest: (request: {
    readonly id: JsonRpcId;
    readonly method: string;
    readonly params: unknown;
    readonly signal: AbortSignal;
  }) => Promise<unknown>;
  readonly onNotification: (method: string, params: unknown) => void;
}

/**
 * The SDK's connection over frames that the session reads and writes. Notifications do not go through it: it would read them
 * strictly and log what it does not like to the console, and an answer could overtake them.
 */
export class AcpConnection {
  readonly #connection: ClientConnection;
  readonly #port: DriverPort;
  readonly #onNotification: AcpConnectionParts["onNotification"];
  readonly #called = new Set<JsonRpcId>();
  #incoming: ReadableStreamDefaultController<AnyMessage> | undefined;

  constructor({ port, onRequest, onNotification }: AcpConnectionParts) {
    this.#port = port;
    this.#onNotification = onNotification;
    const readable = new ReadableStream<AnyMessage>({ start: (controller) => void (this.#incoming = controller) });
    const writable = new WritableStream<AnyMessage>({ write: (message) => this.#send(message) });
    this.#connection = client({ name: "signalbox" })
      .onRequest("*", ({ requestId: id, method, params, signal }) => onRequest({ id, method, params, signal }))
      .connect({ readable, writable });
  }

  /** Calls the agent. Rejects with a `RequestError` when it refuses. */
  call(method: string, params: unknown): Promise<unknown> {
    return this.#connection.agent.request(method, params);
  }

  notify(method: string, params: unknown): Promise<void> {
    return this.#connection.agent.notify(method, params);
  }

  /** One frame from the agent. Resolves when what it began has begun, so that frames are handled in their order. */
  async receive(frame: unknown): Promise<void> {
    const read = FrameSchema.safeParse(frame).data;
    if (!read) return this.#port.complain("a frame that is no JSON-RPC");
    const { id, method, params } = read;
    if (method !== undefined && id === undefined && method !== CANCEL) return this.#onNotification(method, params);
    if (method === undefined && (id === undefined || !this.#called.delete(id))) {
      return this.#port.complain(`an answer to ${String(id)}, which nobody asked`);
    }
    // It is one: a call, an answer to a call, or the end of a call.
    this.#incoming?.enqueue(frame as AnyMessage);
    await nextTurn();
  }

  close(reason: Error): void {
    this.#connection.close(reason);
  }

  async #send(message: AnyMessage): Promise<void> {
    if ("method" in message && "id" in message) this.#called.add(message.id);
    await this.#port.write(message);
  }
}

/** This side does not have a method. */
export function methodNotFound(method: string): RequestError {
  return RequestError.methodNotFound(method);
}

/** The agent does not wait for an answer any more: the SDK knows for which. */
const CANCEL = "$/cancel_request";

const FrameSchema = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
});
