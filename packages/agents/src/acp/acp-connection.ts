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
 * The SDK's connection over frames that the session reads and writes. The SDK gets only frames that it can take: it would
 * log the rest to the console. It hands on params unread, so that what one agent words differently ends nothing.
 */
export class AcpConnection {
  readonly #connection: ClientConnection;
  readonly #port: DriverPort;
  readonly #called = new Set<JsonRpcId>();
  #incoming: ReadableStreamDefaultController<AnyMessage> | undefined;

  constructor({ port, onRequest, onNotification }: AcpConnectionParts) {
    this.#port = port;
    const readable = new ReadableStream<AnyMessage>({ start: (controller) => void (this.#incoming = controller) });
    const writable = new WritableStream<AnyMessage>({ write: (message) => this.#send(message) });
    this.#connection = client({ name: "signalbox" })
      .onRequest("*", ({ requestId: id, method, params, signal }) => onRequest({ id, method, params, signal }))
      .onNotification("*", ({ method, params }) => {
        try {
          onNotification(method, params);
        } catch (error) {
          port.complain(error instanceof Error ? error.message : String(error));
        }
      })
      .connect({ readable, writable });
  }

  /** Calls the agent. Rejects with a `RequestError` when it refuses. */
  call(method: string, params: unknown): Promise<unknown> {
    return this.#connection.agent.request(method, params);
  }

  notify(method: string, params: unknown): Promise<void> {
    return this.#connection.agent.notify(method, params);
  }

  /** One frame from the agent. Resolves when its handler has begun, so that no answer overtakes the news before it. */
  async receive(frame: unknown): Promise<void> {
    const read = FrameSchema.safeParse(frame).data;
    if (!read) return this.#port.complain("a frame that is no JSON-RPC");
    const isAnswer = read.method === undefined;
    if (isAnswer && (read.id === undefined || !this.#called.delete(read.id))) {
      return this.#port.complain(`an answer to ${String(read.id)}, which nobody asked`);
    }
    // It is one: a method with or without an id, or an answer to a call.
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

const FrameSchema = z.looseObject({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
});
