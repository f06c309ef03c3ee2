/**
 * Where a broker is. `http` and `https` become `ws` and `wss`. Throws a TypeError for what is no such address, for one with
 * credentials in it, and for a `ws` address of another machine: the token would travel in the clear.
 */
export function checkBusUrl(address: string | URL): URL {
  const url = URL.parse(String(address));
  if (!url)
    throw new TypeError(
      `the bus is reached at a URL such as wss://signalbox.example/api/v1/bus, not ${String(address)}`,
    );
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    throw new TypeError(`the bus is reached with wss, or ws on this machine, not ${url.protocol}//`);
  }
  if (url.username !== "" || url.password !== "") throw new TypeError("the URL of the bus must not carry credentials");
  if (url.protocol === "ws:" && !isLoopback(url.hostname)) {
    throw new TypeError(`the bus at ${url.host} is not on this machine, so it must be reached with wss`);
  }
  // A WebSocket has none.
  url.hash = "";
  return url;
}

/** `localhost` is loopback by RFC 6761; every other name may resolve to anything. */
function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
