import { createServer, type ServerOptions } from "node:https";

import { limitsWith } from "@signalbox/protocol";
import { listen, selfSigned, testAuthority } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { systemClock } from "../clock.ts";
import { AddressGuard } from "./address-guard.ts";
import { Poster } from "./post-message.ts";

const HOUR_MS = 3_600_000;
const NAME = "hooks.example";
const authority = testAuthority();
const stranger = testAuthority("Another authority");
const ago = (ms: number) => new Date(Date.now() - ms);

/** A real receiver on the loopback address that speaks TLS, and what it was sent. */
async function openTlsReceiver(options: ServerOptions) {
  const arrived: string[] = [];
  const server = createServer({ keepAlive: false, ...options }, (incoming, outgoing) => {
    arrived.push(`${incoming.method} ${incoming.headers.host ?? ""}`);
    outgoing.end();
  });
  // A client that does not like the certificate goes away in the middle of the handshake.
  server.on("tlsClientError", () => {});
  const listening = await listen(server);
  return { arrived, port: listening.port, [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose]() };
}

function post(url: string, authorities: string | null = authority.cert) {
  const poster = new Poster({
    guard: new AddressGuard({ networks: ["127.0.0.1"], networkPorts: ["1-65535"] }),
    limits: limitsWith(),
    clock: systemClock,
    resolve: async () => ["127.0.0.1"],
    ...(authorities === null ? {} : { authorities }),
  });
  return poster.post({ url, headers: {}, body: Buffer.from("{}") }, new AbortController().signal);
}

describe("Poster.post over TLS", () => {
  it.each([
    ["a name", NAME],
    ["an address", "127.0.0.1"],
  ])("posts to a receiver that an authority of the operator vouches for, by %s", async (_, host) => {
    await using receiver = await openTlsReceiver(authority.issue({ names: [host] }));

    const result = await post(`https://${host}:${receiver.port}/in`);

    expect(result).toEqual({ kind: "answered", status: 200 });
    expect(receiver.arrived).toEqual([`POST ${host}:${receiver.port}`]);
  });

  it("posts to a receiver that vouches for itself when the operator has named exactly its certificate", async () => {
    const own = selfSigned({ names: [NAME] });
    await using receiver = await openTlsReceiver(own);

    expect(await post(`https://${NAME}:${receiver.port}/`, own.cert)).toMatchObject({ kind: "answered" });
  });

  // Red with `rejectUnauthorized: false`: each of these would be posted to.
  it.each([
    ["certificate_untrusted", stranger.issue({ names: [NAME] })],
    ["certificate_self_signed", selfSigned({ names: [NAME] })],
    ["certificate_wrong_name", authority.issue({ names: ["other.example"] })],
    ["certificate_wrong_name", authority.issue()],
    ["certificate_expired", authority.issue({ names: [NAME], notBefore: ago(2 * HOUR_MS), notAfter: ago(HOUR_MS) })],
    ["certificate_not_yet_valid", authority.issue({ names: [NAME], notBefore: ago(-HOUR_MS) })],
  ])("says %s and sends nothing", async (error, certificate) => {
    await using receiver = await openTlsReceiver(certificate);

    const result = await post(`https://${NAME}:${receiver.port}/in`);

    expect(result).toEqual({ kind: "failed", error });
    expect(receiver.arrived).toEqual([]);
  });

  it("trusts no authority that neither this machine nor the operator does", async () => {
    await using receiver = await openTlsReceiver(authority.issue({ names: [NAME] }));

    const result = await post(`https://${NAME}:${receiver.port}/`, null);

    expect(result).toEqual({ kind: "failed", error: "certificate_untrusted" });
  });

  it("says tls of a receiver that speaks only what is out of date", async () => {
    const options: ServerOptions = { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" };
    await using receiver = await openTlsReceiver({ ...authority.issue({ names: [NAME] }), ...options });

    expect(await post(`https://${NAME}:${receiver.port}/`)).toEqual({ kind: "failed", error: "tls" });
  });
});
