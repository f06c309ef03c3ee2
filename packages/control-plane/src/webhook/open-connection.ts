import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";

import type { DeliveryError } from "@signalbox/protocol";

import type { AddressGuard, GuardRefusal } from "./address-guard.ts";

/** Why no post came to be. */
export class PostError extends Error {
  override readonly name = "PostError";
  readonly reason: DeliveryError;

  constructor(reason: DeliveryError, cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/** Every address that a name stands for. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** The addresses of a URL's host. Rejects when the name is unknown, or when its port at one of them may not be posted to. */
export async function addressesOf(url: URL, resolve: Resolve, guard: AddressGuard): Promise<readonly string[]> {
  const hostname = hostnameOf(url);
  const addresses = isIP(hostname) === 0 ? await resolveName(hostname, resolve) : [hostname];
  // All of them: a name that stands for a public address and for this machine stands for this machine.
  const refusals = addresses.map((address) => guard.refusalOf(address, portOf(url)));
  if (refusals.includes("address_refused")) throw new PostError("address_refused");
  if (refusals.includes("port_refused")) throw new PostError("port_refused");
  return addresses;
}

async function resolveName(hostname: string, resolve: Resolve): Promise<readonly string[]> {
  const addresses = await resolve(hostname).catch((error: unknown) => {
    throw new PostError("name_unknown", error);
  });
  if (addresses.length === 0) throw new PostError("name_unknown");
  return addresses;
}

export interface ConnectionOptions {
  readonly url: URL;
  /** Those that were checked. The name is not asked for again: what it stands for may have changed. */
  readonly addresses: readonly string[];
  readonly guard: AddressGuard;
  /** Whom certificates are believed from; absent: whom this machine believes. */
  readonly trust?: SecureContext | undefined;
  /** For each address. */
  readonly connectMs: number;
  readonly signal: AbortSignal;
}

/** Connects to the first of the addresses that answers; with https, after its certificate was checked against the name. */
export async function openConnection(options: ConnectionOptions): Promise<Socket> {
  let failure: unknown = new PostError("unreachable");
  for (const address of options.addresses) {
    try {
      const socket = await openTo(address, options);
      return options.url.protocol === "https:" ? await secure(socket, options) : socket;
    } catch (error) {
      if (options.signal.aborted || (error instanceof PostError && REFUSALS.has(error.reason))) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** What holds for a receiver, not for one of its addresses. */
const REFUSALS: ReadonlySet<DeliveryError> = new Set<GuardRefusal>(["address_refused", "port_refused"]);

function openTo(address: string, { url, guard, connectMs, signal }: ConnectionOptions): Promise<Socket> {
  const socket = connect({ host: address, port: portOf(url), noDelay: true });
  socket.setTimeout(connectMs, () => socket.destroy(new PostError("timeout")));
  return settle(socket, "connect", signal, () => {
    socket.setTimeout(0);
    const refusal = guard.refusalOf(socket.remoteAddress ?? "", socket.remotePort ?? 0);
    if (refusal !== undefined) throw new PostError(refusal);
    return socket;
  });
}

function secure(plain: Socket, { url, trust, connectMs, signal }: ConnectionOptions): Promise<Socket> {
  const hostname = hostnameOf(url);
  const socket = connectTls({
    socket: plain,
    host: hostname,
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    ...(trust === undefined ? {} : { secureContext: trust }),
    ALPNProtocols: ["http/1.1"],
    // Whatever the environment says: a setting for something else must not open this.
    rejectUnauthorized: true,
  });
  socket.setTimeout(connectMs, () => socket.destroy(new PostError("timeout")));
  return settle(socket, "secureConnect", signal, () => {
    socket.setTimeout(0);
    return socket;
  });
}

/** Waits for a socket; whatever comes in between ends it. */
function settle(
  socket: Socket,
  event: "connect" | "secureConnect",
  signal: AbortSignal,
  take: () => Socket,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const abort = () => socket.destroy(new PostError("timeout"));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  socket.once("error", (error: NodeJS.ErrnoException) => reject(toPostError(error, event)));
  socket.once("close", () => reject(new PostError("unreachable")));
  socket.once(event, () => {
    signal.removeEventListener("abort", abort);
    try {
      resolve(take());
    } catch (error) {
      socket.destroy();
      reject(error);
    }
  });
  return promise;
}

const LOST = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "ETIMEDOUT",
]);

function toPostError(error: NodeJS.ErrnoException, event: "connect" | "secureConnect"): PostError {
  if (error instanceof PostError) return error;
  const code = error.code ?? "";
  if (event === "connect" || LOST.has(code)) return new PostError("unreachable", error);
  return new PostError(CERTIFICATE_ERRORS.get(code) ?? "tls", error);
}

/** What OpenSSL, and the comparison of names after it, say of a certificate that is not good. */
const CERTIFICATE_ERRORS: ReadonlyMap<string, DeliveryError> = new Map([
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificate_self_signed"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "certificate_untrusted"],
  ["UNABLE_TO_GET_ISSUER_CERT", "certificate_untrusted"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "certificate_untrusted"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate_untrusted"],
  ["INVALID_CA", "certificate_untrusted"],
  ["CERT_UNTRUSTED", "certificate_untrusted"],
  ["CERT_REJECTED", "certificate_untrusted"],
  ["CERT_HAS_EXPIRED", "certificate_expired"],
  ["CERT_NOT_YET_VALID", "certificate_not_yet_valid"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate_wrong_name"],
]);

/** The one that a URL names, else that of its scheme. */
export function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === "https:" ? 443 : 80);
}

/** Without the brackets that a URL puts around an IPv6 address. */
function hostnameOf(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}
