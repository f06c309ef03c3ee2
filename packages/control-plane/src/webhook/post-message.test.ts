import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

import { limitsWith, type LimitOverrides } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { openReceiver, status } from "../../test/_support/receiver.ts";
import { systemClock } from "../clock.ts";
import { AddressGuard } from "./address-guard.ts";
import { Poster } from "./post-message.ts";

const NEVER = new AbortController().signal;
const SHORT: LimitOverrides = { "webhook.timeoutMs": 400, "webhook.connectMs": 300 };

interface Settings {
  readonly allowed?: readonly string[];
  readonly names?: Readonly<Record<string, readonly string[]>>;
  readonly limits?: LimitOverrides;
  /** In allowed networks. Default: every port. */
  readonly ports?: readonly string[];
}

const EVERY_PORT = ["1-65535"];

/** A poster that may post to this machine, and knows the names that it is given. */
function posterWith(settings: Settings = {}): Poster {
  const { allowed = ["127.0.0.1"], names = {}, limits = {}, ports = EVERY_PORT } = settings;
  return new Poster({
    guard: new AddressGuard({ networks: allowed, networkPorts: ports }),
    limits: limitsWith(limits),
    clock: systemClock,
    resolve: async (name) => names[name] ?? Promise.reject(new Error("ENOTFOUND")),
  });
}

function post(poster: Poster, url: string, stop = NEVER) {
  return poster.post({ url, headers: { "webhook-id": "whd_1" }, body: Buffer.from("{}") }, stop);
}

/** Takes connections and does with each what a test wants. */
async function openRaw(take: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers every request with these bytes. */
function saying(text: string) {
  return (socket: Socket) => void socket.once("data", () => socket.write(text));
}

describe("Poster.post", () => {
  it("posts the body with its headers, and tells the status", async () => {
    await using receiver = await openReceiver();

    const result = await post(posterWith(), `${receiver.url}?a=b`);

    expect(result).toEqual({ kind: "answered", status: 200 });
    expect(receiver.arrived).toMatchObject([
      { path: "/in?a=b", body: "{}", headers: { "webhook-id": "whd_1", host: `127.0.0.1:${receiver.port}` } },
    ]);
  });

  it("goes to the address that was checked, under the name of the URL", async () => {
    await using receiver = await openReceiver();
    const poster = posterWith({ names: { "hooks.example": ["127.0.0.1"] } });

    const result = await post(poster, `http://hooks.example:${receiver.port}/in`);

    expect(result).toMatchObject({ kind: "answered" });
    expect(receiver.arrived[0]!.headers.host).toBe(`hooks.example:${receiver.port}`);
  });

  it("goes on to the next address of a name when nobody is at the first", async () => {
    await using receiver = await openReceiver();
    const poster = posterWith({
      allowed: ["127.0.0.0/8"],
      names: { "hooks.example": ["127.0.0.9", "127.0.0.1"] },
    });

    expect(await post(poster, `http://hooks.example:${receiver.port}/in`)).toMatchObject({ kind: "answered" });
  });

  // Red without the check at the try: what the name stood for when it was saved says nothing about now.
  it("looks at the address anew at each post", async () => {
    await using receiver = await openReceiver();
    const names: Record<string, string[]> = { "hooks.example": ["127.0.0.1"] };
    const poster = posterWith({ names });
    const url = `http://hooks.example:${receiver.port}/in`;

    const before = await post(poster, url);
    names["hooks.example"] = ["169.254.169.254"];
    const after = await post(poster, url);

    expect([before, after]).toEqual([
      { kind: "answered", status: 200 },
      { kind: "failed", error: "address_refused" },
    ]);
    expect(receiver.arrived).toHaveLength(1);
  });

  // Red without the check of the port: the receiver would be posted to.
  it("sends nothing to a port that the operator has not allowed, by address and by name", async () => {
    await using receiver = await openReceiver();
    const other = receiver.port === 65_535 ? "1" : String(receiver.port + 1);
    const poster = posterWith({ ports: [other], names: { "hooks.example": ["127.0.0.1"] } });

    const results = [
      await post(poster, receiver.url),
      await post(poster, `http://hooks.example:${receiver.port}/in`),
      await post(poster, "http://1.1.1.1:25/"),
      await post(poster, `https://1.1.1.1:${other}/`),
    ];

    expect(results).toEqual(results.map(() => ({ kind: "failed", error: "port_refused" })));
    expect(receiver.arrived).toEqual([]);
  });

  it.each([
    ["http://127.0.0.1:PORT/"],
    ["http://localhost:PORT/"],
    ["http://[::1]:PORT/"],
    ["http://[::ffff:127.0.0.1]:PORT/"],
    ["http://0x7f.1:PORT/"],
    ["http://2130706433:PORT/"],
    ["http://0177.0.0.1:PORT/"],
    ["http://①②⑦.0.0.1:PORT/"],
    ["http://127.0.0.1.:PORT/"],
    ["http://0:PORT/"],
    ["http://both.example:PORT/"],
    ["http://nat64.example:PORT/"],
    ["http://169.254.169.254/latest/meta-data"],
  ])("sends nothing to %s", async (url) => {
    await using receiver = await openReceiver();
    const names = {
      localhost: ["127.0.0.1"],
      "both.example": ["1.1.1.1", "127.0.0.1"],
      "nat64.example": ["64:ff9b::7f00:1"],
    };

    const result = await post(posterWith({ allowed: [], names }), url.replace("PORT", String(receiver.port)));

    expect(result).toEqual({ kind: "failed", error: "address_refused" });
    expect(receiver.arrived).toEqual([]);
  });

  it.each([[301], [302], [303], [307], [308]])("does not follow a %i", async (code) => {
    await using inside = await openReceiver();
    await using receiver = await openReceiver();
    receiver.answer = status(code, { location: inside.url });

    expect(await post(posterWith(), receiver.url)).toEqual({ kind: "answered", status: code });
    expect(inside.arrived).toEqual([]);
  });

  it.each([
    ["in seconds", "120", 120_000],
    ["as a date that is over", "Sun, 06 Nov 1994 08:49:37 GMT", 0],
    ["in words", "soon", undefined],
  ])("tells a Retry-After %s", async (_, value, ms) => {
    await using receiver = await openReceiver();
    receiver.answer = status(503, { "retry-after": value });

    const result = await post(posterWith(), receiver.url);

    expect(result).toEqual({ kind: "answered", status: 503, ...(ms === undefined ? {} : { retryAfterMs: ms }) });
  });

  it("says that a name is unknown, that nobody is there, and that a certificate is not good", async () => {
    const { url } = await (async () => {
      await using gone = await openReceiver();
      return gone;
    })();
    await using plain = await openRaw(saying("HTTP/1.1 200 OK\r\n\r\n"));

    const results = [
      await post(posterWith(), "http://nowhere.example/"),
      await post(posterWith(), url),
      await post(posterWith({ limits: SHORT }), plain.url.replace("http:", "https:")),
    ];

    expect(results).toEqual([
      { kind: "failed", error: "name_unknown" },
      { kind: "failed", error: "unreachable" },
      { kind: "failed", error: "tls" },
    ]);
  });

  it.each([
    ["says nothing", () => {}, { kind: "failed", error: "timeout" }],
    ["says its headers too slowly", drip("HTTP/1.1 200 OK\r\nx-slow: ", "x"), { kind: "failed", error: "timeout" }],
    ["never ends its hints", drip("", "HTTP/1.1 103 Early Hints\r\n\r\n"), { kind: "failed", error: "timeout" }],
    ["has no end of headers", saying(`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`), invalid()],
    ["has one huge header", saying(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`), invalid()],
    ["speaks something else", saying("220 mail.example ESMTP\r\n"), invalid()],
    ["hangs up", (socket: Socket) => socket.destroy(), { kind: "failed", error: "unreachable" }],
    ["switches protocols", saying("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"), lost()],
    ["says two lengths", saying("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"), invalid()],
    ["never ends its body", drip("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(60_000)), { kind: "answered", status: 200 }],
    ["says its body too slowly", drip("HTTP/1.1 200 OK\r\n\r\n", "x"), { kind: "answered", status: 200 }],
    ["breaks off its body", breakOff, { kind: "answered", status: 200 }],
  ])("is over in time with a receiver that %s", async (_, take, expected) => {
    await using raw = await openRaw(take);
    const began = performance.now();

    const result = await post(posterWith({ limits: SHORT }), raw.url);

    expect(result).toEqual(expected);
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  // Red without the count of what was read: it would go on for the whole `webhook.timeoutMs`.
  it("reads no more of an answer than politeness asks for", async () => {
    await using raw = await openRaw(drip("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(60_000)));
    const began = performance.now();

    await post(posterWith(), raw.url);

    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("leaves no connection behind", async () => {
    await using raw = await openRaw(drip("HTTP/1.1 200 OK\r\n\r\n", "x".repeat(60_000)));

    await post(posterWith({ limits: SHORT }), raw.url);

    await expect.poll(() => raw.sockets.size).toBe(0);
  });

  it("rejects when it is told to stop, and lets go of the connection", async () => {
    await using raw = await openRaw((socket) => void socket.resume());
    const stop = new AbortController();

    const posting = post(posterWith(), raw.url, stop.signal);
    await expect.poll(() => raw.sockets.size).toBe(1);
    stop.abort(new Error("the server stops"));

    await expect(posting).rejects.toThrow("the server stops");
    await expect.poll(() => raw.sockets.size).toBe(0);
  });

  it("does not wait for a name that is not found in time", async () => {
    const poster = new Poster({
      guard: new AddressGuard(),
      limits: limitsWith(SHORT),
      clock: systemClock,
      resolve: () => new Promise(() => {}),
    });

    expect(await post(poster, "http://hooks.example/")).toEqual({ kind: "failed", error: "timeout" });
  });
});

/** Says the same again and again, for as long as somebody listens. */
function drip(first: string, again: string) {
  return (socket: Socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(again), 5);
    socket.on("close", () => clearInterval(timer));
  };
}

function breakOff(socket: Socket): void {
  socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"));
}

function invalid() {
  return { kind: "failed", error: "invalid_answer" } as const;
}

function lost() {
  return { kind: "failed", error: "unreachable" } as const;
}
