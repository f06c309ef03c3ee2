import { lookup } from "node:dns/promises";
import { request, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

import type { DeliveryError, LimitLookup } from "@signalbox/protocol";

import type { Clock } from "../clock.ts";
import type { AddressGuard, GuardRefusal } from "./address-guard.ts";
import { addressesOf, openConnection, portOf, PostError, type Resolve } from "./open-connection.ts";

/** What a post came to. Of an answer nothing is kept but its status and how long it wants to be left alone. */
export type PostResult =
  | { readonly kind: "answered"; readonly status: number; readonly retryAfterMs?: number }
  | { readonly kind: "failed"; readonly error: DeliveryError };

/** What is posted, and where to. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface PosterDeps {
  readonly guard: AddressGuard;
  readonly limits: LimitLookup;
  readonly clock: Clock;
  /** Default: as this machine resolves names. */
  readonly resolve?: Resolve;
  /** Authorities, as PEM, that are believed beside those that this machine believes. Default none. */
  readonly authorities?: string;
}

const MAX_HEADER_BYTES = 16_384;

/**
 * Posts to addresses that strangers have chosen. Each post looks its name up anew, goes to an address that was checked, on a
 * connection of its own, follows no redirect, and is over within `webhook.timeoutMs` whatever the other side does.
 */
export class Poster {
  readonly #deps: PosterDeps;
  readonly #resolve: Resolve;
  readonly #trust: SecureContext | undefined;

  constructor(deps: PosterDeps) {
    const { authorities, resolve = resolveHere } = deps;
    this.#deps = deps;
    this.#resolve = resolve;
    if (authorities !== undefined)
      this.#trust = createSecureContext({ ca: [...getCACertificates("default"), authorities] });
  }

  /** Why a URL leads, as things are now, to where no post may go. A name that is unknown now may be known later. */
  async refusalOf(text: string): Promise<GuardRefusal | undefined> {
    const { guard } = this.#deps;
    const url = new URL(text);
    try {
      await addressesOf(url, this.#resolve, guard);
      return undefined;
    } catch (error) {
      if (!(error instanceof PostError)) throw error;
      if (error.reason === "address_refused" || error.reason === "port_refused") return error.reason;
      return guard.isPortKnown(portOf(url)) ? undefined : "port_refused";
    }
  }

  /** Resolves to what the post came to. Rejects only when `stop` is aborted before it is known. */
  async post(post: Post, stop: AbortSignal): Promise<PostResult> {
    const { clock, limits } = this.#deps;
    const deadline = new AbortController();
    const timer = clock.setTimer(limits("webhook.timeoutMs"), () => deadline.abort());
    const signal = AbortSignal.any([stop, deadline.signal]);
    try {
      return await this.#send(post, signal);
    } catch (error) {
      if (stop.aborted) throw stop.reason;
      if (deadline.signal.aborted) return { kind: "failed", error: "timeout" };
      if (error instanceof PostError) return { kind: "failed", error: error.reason };
      throw error;
    } finally {
      timer.cancel();
    }
  }

  async #send({ url: text, headers, body }: Post, signal: AbortSignal): Promise<PostResult> {
    const { guard, limits, clock } = this.#deps;
    const url = new URL(text);
    const addresses = await unlessAborted(addressesOf(url, this.#resolve, guard), signal);
    const connectMs = limits("webhook.connectMs") / addresses.length;
    const socket = await openConnection({ url, addresses, guard, trust: this.#trust, connectMs, signal });
    try {
      return await exchange({ url, headers, body, socket, signal, answerBytes: limits("webhook.answerBytes"), clock });
    } finally {
      socket.destroy();
    }
  }
}

async function resolveHere(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

/** Looking up a name cannot be stopped; what it comes to is not waited for. */
function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const abort = () => reject(new PostError("timeout"));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return promise;
}

/** Says the request and waits for the head of the answer; then reads as much of the rest as politeness asks for. */
async function exchange(what: {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly socket: Socket;
  readonly signal: AbortSignal;
  readonly answerBytes: number;
  readonly clock: Clock;
}): Promise<PostResult> {
  const { url, socket, signal, body } = what;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request({
    method: "POST",
    path: `${url.pathname}${url.search}`,
    headers: { host: url.host, ...what.headers, "content-length": body.length, connection: "close" },
    createConnection: () => socket,
    maxHeaderSize: MAX_HEADER_BYTES,
    signal,
  });
  outgoing.once("response", resolve);
  outgoing.on("error", (error: NodeJS.ErrnoException) => reject(toPostError(error)));
  outgoing.once("close", () => reject(new PostError("unreachable")));
  outgoing.end(body);
  const incoming = await promise;
  const status = incoming.statusCode ?? 0;
  const retryAfterMs = readRetryAfter(incoming.headers["retry-after"], what.clock.now());
  await drain(incoming, what.answerBytes);
  return { kind: "answered", status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** What comes after the head is thrown away. Its end, its excess, its breaking off and the deadline are all the same. */
function drain(incoming: IncomingMessage, answerBytes: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let read = 0;
  incoming.on("data", (chunk: Buffer) => {
    read += chunk.length;
    if (read > answerBytes) resolve();
  });
  for (const event of ["end", "close", "error"]) incoming.once(event, () => resolve());
  return promise;
}

function toPostError(error: NodeJS.ErrnoException): PostError {
  const isUnreadable = error.code?.startsWith("HPE_") === true;
  return new PostError(isUnreadable ? "invalid_answer" : "unreachable", error);
}

/** Seconds, or a date as HTTP spells it; in milliseconds from now. */
function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,10}$/.test(value)) return Number(value) * 1_000;
  const atMs = value.endsWith(" GMT") ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
