import type { IncomingMessage } from "node:http";

import type { ApiError } from "@signalbox/protocol";

import { isPlainTarget } from "./url-spelling.ts";

/** Under which names a server may be asked, and from which pages. */
export interface LocalChecksSettings {
  /** Exact values of the Host header, with port unless it is the scheme's own: `localhost:3000`. */
  readonly hosts: Iterable<string>;
  /** Exact origins: `http://localhost:3000`. */
  readonly origins: Iterable<string>;
}

/** Says why a request or upgrade must not be answered; undefined when it may be. */
export type LocalChecks = (incoming: IncomingMessage) => ApiError | undefined;

/**
 * The checks that keep web pages away from a server on their user's machine: the spelling of the target, exactly one
 * Host that is ours, an Origin that is ours where there is one, and no fetch from another site. The same function is
 * for requests and upgrades, and runs before anything else looks at them.
 */
export function createLocalChecks(settings: LocalChecksSettings): LocalChecks {
  const hosts = new Set([...settings.hosts].map((host) => host.toLowerCase()));
  const origins = new Set(settings.origins);
  return (incoming) => {
    if (!isPlainTarget(incoming.url ?? "")) return MALFORMED_URL;
    const { host, origin, "sec-fetch-site": site } = incoming.headers;
    if (host === undefined || !(hosts.has(host) || hosts.has(host.toLowerCase()))) return MISDIRECTED;
    // Node keeps the first of several Host headers; something in front of us may have looked at another.
    if (countHosts(incoming.rawHeaders) !== 1) return MISDIRECTED;
    if (origin !== undefined && !origins.has(origin)) return CROSS_ORIGIN;
    return site === undefined || site === "same-origin" || site === "none" ? undefined : CROSS_ORIGIN;
  };
}

const checked = Symbol("checked");
type Markable = IncomingMessage & { [checked]?: boolean };

/** Remembers that a request has passed its checks, so that they are made once. */
export function markChecked(incoming: IncomingMessage): void {
  (incoming as Markable)[checked] = true;
}

export function wasChecked(incoming: IncomingMessage): boolean {
  return (incoming as Markable)[checked] === true;
}

const MALFORMED_URL: ApiError = { code: "MALFORMED_URL", message: "the path is spelled in a way that is not accepted" };
const MISDIRECTED: ApiError = { code: "MISDIRECTED_REQUEST", message: "the Host header does not name this server" };
const CROSS_ORIGIN: ApiError = { code: "CROSS_ORIGIN", message: "pages of another origin may not ask this server" };

function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name !== undefined && name.length === 4 && name.toLowerCase() === "host") count++;
  }
  return count;
}
