/** A server that the runner must not talk to; a retry does not help. */
export class ServerUrlError extends Error {
  override readonly name = "ServerUrlError";
  readonly code = "server_url";
}

/**
 * The address of a control plane, without a slash at its end. Refuses everything but https, and http to this machine:
 * the enrolment token and the secrets of every step travel on it.
 */
export function checkServerUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url) throw new ServerUrlError(`the server must be a URL such as https://signalbox.example; got ${text}`);
  if (url.username !== "" || url.password !== "") {
    throw new ServerUrlError(`the server URL must not carry credentials`);
  }
  if (url.protocol === "http:" && !isLoopback(url.hostname)) {
    throw new ServerUrlError(`the server ${url.origin} is not on this machine, so it must be reached with https`);
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new ServerUrlError(`the server must be an https URL; got ${url.protocol}//`);
  }
  return url;
}

/** An address under the server's, for HTTP or, with `socket`, for WebSocket. */
export function serverAddress(server: URL, path: string, kind: "http" | "socket" = "http"): string {
  const prefix = server.pathname.replace(/\/+$/, "");
  const protocol = kind === "http" ? server.protocol : server.protocol.replace("http", "ws");
  return `${protocol}//${server.host}${prefix}${path}`;
}

/** `localhost` is loopback by RFC 6761; every other name may resolve to anything. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
