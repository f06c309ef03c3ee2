import { isLoopback, type ServerConfig } from "./config.ts";

/** Under which names a server is asked, from which pages, and what to show to people. */
export interface LocalNames {
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  readonly urls: readonly string[];
}

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** The names of a server that listens on this port: this machine's own, its address, and those of the configuration. */
export function localNames(config: ServerConfig, port: number): LocalNames {
  const scheme = config.tls ? "https" : "http";
  const address = config.host.includes(":") ? `[${config.host}]` : config.host;
  const isOpen = !isLoopback(config.host) && !["0.0.0.0", "[::]"].includes(address);
  const own = [...LOOPBACK, ...(isOpen ? [address] : [])].map((name) => withPort(name, port, scheme));
  const named = config.publicNames.flatMap((name) => (/:\d+$/.test(name) ? [name] : [name, `${name}:${port}`]));
  // Behind a proxy people see https, whatever the proxy speaks to us.
  const schemes = config.behindProxy && !config.tls ? ["https", "http"] : [scheme];
  return {
    hosts: [...own, ...named],
    origins: [
      ...own.map((host) => `${scheme}://${host}`),
      ...named.flatMap((host) => schemes.map((each) => `${each}://${host}`)),
    ],
    urls: own.map((host) => `${scheme}://${host}`),
  };
}

function withPort(name: string, port: number, scheme: string): string {
  return port === (scheme === "https" ? 443 : 80) ? name : `${name}:${port}`;
}
