import type { IncomingMessage } from "node:http";
import { isIP, type BlockList } from "node:net";

/**
 * Where a request comes from: the peer of its connection, or what the peer says in X-Forwarded-For when the peer is a
 * proxy that the configuration trusts. Read from the right, since anybody may have written what stands on the left.
 */
export function clientAddress(incoming: IncomingMessage, trustedProxies?: BlockList): string {
  const peer = incoming.socket.remoteAddress ?? "";
  if (!trustedProxies || !isTrusted(trustedProxies, peer)) return peer;
  const forwarded = String(incoming.headers["x-forwarded-for"] ?? "").split(",");
  const hops = forwarded.map((hop) => hop.trim()).filter((hop) => isIP(hop) !== 0);
  return hops.findLast((hop) => !isTrusted(trustedProxies, hop)) ?? peer;
}

function isTrusted(proxies: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && proxies.check(address, family === 6 ? "ipv6" : "ipv4");
}
