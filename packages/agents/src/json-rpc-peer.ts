import * as z from "zod";

import { within } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { AgentError } from "./errors.ts";

/** The name of a request; the other side's choice. */
export type RpcId = string | number;

/** What a peer works with. */
export interface JsonRpcPeerParts {
  readonly clock: Clock;
  readonly write: (frame: unknown) => Promise<void>;
  /** Answers with `respond` or `refuse`, at once or later. */
  readonly onRequest: (id: RpcId, method: string, params: unknown) => void | Promise<void>;
  readonly onNotification: (method: string, params: unknown) => void | Promise<void>;
  /** A frame that is none of the protocol's, or an answer that nobody waits for. */
  readonly onNonsense: (message: string) => void;
}

/** The other side refused a call. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: unknown;

  constructor({ code, message, data }: z.infer<typeof RpcErrorSchema>) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** JSON-RPC between two peers that both call, over frames that somebody else reads and writes. */
export class JsonRpcPeer {
  readonly #parts: JsonRpcPeerParts;
  readonly #waiting = new Map<RpcId, PromiseWithResolvers<unknown>>();
  #count = 0;
  #closed: Error | undefined;

  constructor(parts: JsonRpcPeerParts) {
    this.#parts = parts;
  }

  /**
   * Calls the other side. Rejects with an `RpcError` when it refuses, with `CALL_TIMEOUT` after `timeoutMs` (default: it
   * waits as long as the connection lives), and with the reason of `close`.
   */
  async call(method: string, params: unknown, timeoutMs?: number): Promise<unknown> {
    if (this.#closed) throw this.#closed;
    const id = ++this.#count;
    const waiting = Promise.withResolvers<unknown>();
    waiting.promise.catch(() => undefined);
    this.#waiting.set(id, waiting);
    await this.#parts.write({ id, method, params });
    if (timeoutMs === undefined) return waiting.promise;
    const answer = await within(this.#parts.clock, timeoutMs, waiting.promise);
    if (answer !== "late") return answer;
    this.#waiting.delete(id);
    throw new AgentError("CALL_TIMEOUT", `${method} was not answered in ${timeoutMs} ms`, { method, timeoutMs });
  }

  notify(method: string, params?: unknown): Promise<void> {
    return this.#parts.write({ method, ...(params === undefined ? {} : { params }) });
  }

  respond(id: RpcId, result: unknown): Promise<void> {
    return this.#parts.write({ id, result });
  }

  refuse(id: RpcId, code: number, message: string): Promise<void> {
    return this.#parts.write({ id, error: { code, message } });
  }

  /** One frame from the other side. */
  async receive(frame: unknown): Promise<void> {
    const read = FrameSchema.safeParse(frame);
    if (!read.success) return this.#parts.onNonsense("a frame that is no call, no notification and no answer");
    const { id, method, params, error, result } = read.data;
    if (method !== undefined) {
      if (id === undefined || id === null) await this.#parts.onNotification(method, params);
      else await this.#parts.onRequest(id, method, params);
      return;
    }
    const waiting = id === undefined || id === null ? undefined : this.#waiting.get(id);
    if (!waiting || id === undefined || id === null)
      return this.#parts.onNonsense(`an answer to ${String(id)}, which nobody asked`);
    this.#waiting.delete(id);
    if (error) waiting.reject(new RpcError(error));
    else waiting.resolve(result);
  }

  /** Nothing comes any more: who waits is told `reason`. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const waiting of this.#waiting.values()) waiting.reject(reason);
    this.#waiting.clear();
  }
}

/** The method is not known to this side. */
export const METHOD_NOT_FOUND = -32_601;

const RpcErrorSchema = z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() });
const FrameSchema = z.object({
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: RpcErrorSchema.optional(),
});
