import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { limit, type Principal, type WsServerMessage } from "@signalbox/protocol";
import { eventually, ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { CLOSE_CODES } from "./close-codes.ts";
import {
  WebSocketServerManager,
  type WebSocketServerConfig,
  type WebSocketServerDeps,
} from "./websocket-server-manager.ts";

const ALICE: Principal = {
  kind: "token",
  id: "tok_a",
  orgId: "org-a",
  scopes: new Set(["sessions:read", "sessions:type"]),
};
const WATCHER: Principal = { ...ALICE, id: "tok_w", scopes: new Set(["sessions:read"]) };
const TOKENS: Readonly<Record<string, Principal>> = { alice: ALICE, watcher: WATCHER };

/** A manager on a real server, and real clients of it. */
class Rig implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly revoked = new Set<string>();
  readonly manager: WebSocketServerManager;
  readonly #server = createServer();
  readonly #clients: WebSocket[] = [];

  constructor(config: WebSocketServerConfig, deps: Partial<WebSocketServerDeps>) {
    this.manager = new WebSocketServerManager(this.#server, config, {
      clock: this.clock,
      limits: limit,
      authenticate: async (credential) => TOKENS[credential],
      isStillGood: async ({ id }) => !this.revoked.has(id),
      maySee: async ({ orgId }, sessionId) => sessionId.startsWith("session") && orgId === "org-a",
      ...deps,
    });
    for (const name of ["authenticated", "session_subscribed", "session_unsubscribed", "terminal_input"] as const) {
      this.manager.on(name, () => this.told.push(name));
    }
  }

  static async open(config: WebSocketServerConfig = {}, deps: Partial<WebSocketServerDeps> = {}): Promise<Rig> {
    const rig = new Rig(config, deps);
    rig.#server.listen(0, "127.0.0.1");
    await once(rig.#server, "listening");
    return rig;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** A client, and everything that it was told. */
  async connect(token?: string, headers: Record<string, string> = {}) {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const ws = new WebSocket(`ws://127.0.0.1:${this.port}/ws`, { headers: { ...authorization, ...headers } });
    this.#clients.push(ws);
    const messages: WsServerMessage[] = [];
    ws.on("message", (data) => messages.push(JSON.parse((data as Buffer).toString()) as WsServerMessage));
    const closed = once(ws, "close") as Promise<[number]>;
    closed.catch(() => undefined);
    await once(ws, "open");
    const say = (message: object): void => ws.send(JSON.stringify(message));
    return { ws, messages, closed, say };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ws of this.#clients) ws.terminate();
    await this.manager.close();
    this.#server.close();
  }
}

const subscribe = { type: "subscribe_session", sessionId: "session-123", messageId: "m1", timestamp: "t" };
const typed = { type: "terminal_input", sessionId: "session-123", data: "ls -la\n", messageId: "m2", timestamp: "t" };

describe("WebSocketServerManager", () => {
  it("sends the followers of a session what happens to it, and nobody else", async () => {
    await using rig = await Rig.open();
    const [follower, other] = [await rig.connect("alice"), await rig.connect("alice")];
    follower.say(subscribe);
    await eventually(() => expect(rig.told).toContain("session_subscribed"));

    rig.manager.broadcastSessionEvent("session-123", "state_change", {
      previousState: "RUNNING",
      newState: "WAITING_FOR_APPROVAL",
    });
    rig.manager.sendTerminalData("session-123", "Command output...\n");
    rig.manager.sendApprovalRequest("session-123", {
      approvalId: "approval-123",
      action: "merge",
      description: "Merge PR #456",
      requestedAt: "2026-01-01T00:00:00.000Z",
    });

    await eventually(() => expect(follower.messages).toHaveLength(4));
    expect(follower.messages).toMatchObject([
      { type: "ack", messageId: "m1" },
      { type: "session", sessionId: "session-123", action: "state_change", data: { previousState: "RUNNING" } },
      { type: "terminal", sessionId: "session-123", action: "output", data: "Command output...\n" },
      { type: "approval_required", sessionId: "session-123", approval: { approvalId: "approval-123" } },
    ]);
    expect(other.messages).toEqual([]);
  });

  it("says nothing about a session after a client has left it", async () => {
    await using rig = await Rig.open();
    const client = await rig.connect("alice");
    client.say(subscribe);
    client.say({ ...subscribe, type: "unsubscribe_session", messageId: "m2" });
    await eventually(() => expect(client.messages).toHaveLength(2));

    rig.manager.sendTerminalData("session-123", "x");
    client.say({ ...subscribe, messageId: "m3" });

    await eventually(() => expect(client.messages).toHaveLength(3));
    expect(client.messages.map(({ type }) => type)).toEqual(["ack", "ack", "ack"]);
  });

  it.each([
    ["a header", (rig: Rig) => rig.connect("alice")],
    [
      "its first message",
      async (rig: Rig) => {
        const client = await rig.connect();
        client.say({ type: "authenticate", token: "alice" });
        return client;
      },
    ],
  ])("lets a client say who it is in %s", async (_, connect) => {
    await using rig = await Rig.open();

    const client = await connect(rig);
    client.say(subscribe);

    await eventually(() => expect(client.messages).toMatchObject([{ type: "ack", messageId: "m1" }]));
    expect(rig.told).toEqual(["authenticated", "session_subscribed"]);
  });

  it("closes a client whose credential is wrong, and one that says nothing in time", async () => {
    await using rig = await Rig.open();
    const [wrong, silent] = [await rig.connect("mallory"), await rig.connect()];
    const [code] = await wrong.closed;
    rig.clock.advance(limit("runner.helloMs"));

    expect([code, (await silent.closed)[0]]).toEqual([CLOSE_CODES.unauthorized, CLOSE_CODES.unauthorized]);
    expect(wrong.messages).toMatchObject([{ type: "error", code: "UNAUTHORIZED", message: "Authentication required" }]);
  });

  it("tells a client that has not said who it is that it must", async () => {
    await using rig = await Rig.open();
    const client = await rig.connect();

    client.say(subscribe);

    await eventually(() => expect(client.messages).toMatchObject([{ type: "error", code: "UNAUTHORIZED" }]));
    expect(rig.told).toEqual([]);
  });

  it("needs no credential where none is required", async () => {
    await using rig = await Rig.open({ authRequired: false }, { maySee: async () => true });
    const client = await rig.connect();

    client.say(subscribe);

    await eventually(() => expect(client.messages).toMatchObject([{ type: "ack" }]));
  });

  it("takes what is typed from whoever may type, and from nobody who may only read", async () => {
    await using rig = await Rig.open();
    const typedInto: string[] = [];
    rig.manager.on("terminal_input", ({ data }) => typedInto.push(data));
    const [alice, watcher] = [await rig.connect("alice"), await rig.connect("watcher")];

    watcher.say(typed);
    await eventually(() => expect(watcher.messages).toMatchObject([{ type: "error", code: "FORBIDDEN" }]));
    alice.say(typed);
    await eventually(() => expect(alice.messages).toMatchObject([{ type: "ack" }]));

    expect(typedInto).toEqual(["ls -la\n"]);
  });

  it("knows no session of another org", async () => {
    await using rig = await Rig.open();
    const client = await rig.connect("alice");

    client.say({ ...subscribe, sessionId: "elsewhere" });

    await eventually(() => expect(client.messages).toMatchObject([{ type: "error", code: "SESSION_NOT_FOUND" }]));
  });

  it("closes the sockets of a credential that is revoked, within the time of the limit", async () => {
    await using rig = await Rig.open();
    const client = await rig.connect("alice");
    client.say(subscribe);
    await eventually(() => expect(client.messages).toHaveLength(1));

    rig.revoked.add("tok_a");
    rig.clock.advance(limit("revocation.ms"));

    expect((await client.closed)[0]).toBe(CLOSE_CODES.revoked);
  });

  it("closes a socket that has become as old as one may, for its client to come back, and no younger one", async () => {
    const ageMs = limit("revocation.ms") * 2;
    await using rig = await Rig.open({}, { limits: (name) => (name === "socket.ageMs" ? ageMs : limit(name)) });
    const old = await rig.connect("alice");
    rig.clock.advance(ageMs - 1);
    const young = await rig.connect("alice");
    young.say(subscribe);
    await eventually(() => expect(young.messages).toHaveLength(1));

    rig.clock.advance(limit("revocation.ms") / 2);

    expect((await old.closed)[0]).toBe(CLOSE_CODES.goingAway);
    young.say({ ...subscribe, messageId: "still-here" });
    await eventually(() => expect(young.messages.at(-1)).toMatchObject({ messageId: "still-here" }));
  });

  it.each([
    ["no JSON", "nonsense"],
    ["no message", JSON.stringify({ type: "subscribe" })],
    ["a message with more in it", JSON.stringify({ ...subscribe, sudo: true })],
    ["a polluted one", '{"type":"subscribe_session","sessionId":"session-1","__proto__":{"after":1}}'],
    ["nothing", ""],
  ])("answers %s with an error, and goes on", async (_, text) => {
    await using rig = await Rig.open();
    const client = await rig.connect("alice");

    client.ws.send(text);
    client.say(subscribe);

    await eventually(() =>
      expect(client.messages).toMatchObject([{ type: "error", code: "VALIDATION_ERROR" }, { type: "ack" }]),
    );
  });

  it("ends a client that sends more than it may", async () => {
    await using rig = await Rig.open();
    const [large, many] = [await rig.connect("alice"), await rig.connect("alice")];

    large.ws.send("x".repeat(limit("socket.messageBytes") + 1));
    for (let sent = 0; sent <= limit("socket.messagesPerSecond"); sent++) many.say(subscribe);

    expect([(await large.closed)[0], (await many.closed)[0]]).toEqual([1009, CLOSE_CODES.tooMany]);
  });

  it("lets no page of another origin connect, and leaves other paths to others", async () => {
    await using rig = await Rig.open();

    await expect(rig.connect("alice", { origin: "https://evil.example" })).rejects.toThrow("403");
    await expect(rig.connect("alice", { origin: `http://127.0.0.1:${rig.port}` })).resolves.toBeDefined();
  });

  it("ends a client that does not answer pings", async () => {
    await using rig = await Rig.open({ heartbeatIntervalMs: 30_000 });
    const client = await rig.connect("alice");
    // A client that is there and reads nothing.
    client.ws.pause();
    const gone = new Promise((resolve) => rig.manager.once("disconnection", resolve));

    rig.clock.advance(60_001);

    await gone;
    expect(rig.manager.clientCount).toBe(0);
  });

  it("keeps no queue for a client that does not read: it is closed, and the others are not held up", async () => {
    await using rig = await Rig.open();
    const [slow, quick] = [await rig.connect("alice"), await rig.connect("alice")];
    for (const client of [slow, quick]) client.say(subscribe);
    await eventually(() => expect(rig.told.filter((name) => name === "session_subscribed")).toHaveLength(2));
    slow.ws.pause();
    const closed = new Promise((resolve) => rig.manager.once("disconnection", resolve));
    const chunk = "x".repeat(65_536);

    let sent = 0;
    while (rig.manager.clientCount === 2 && sent < 2_000) {
      rig.manager.sendTerminalData("session-123", chunk);
      sent += 1;
      await new Promise(setImmediate);
      if (sent % 50 === 0) rig.clock.advance(limit("runner.helloMs"));
    }

    await closed;
    await eventually(() => expect(quick.messages).toHaveLength(sent + 1));
  });

  it("sends what a client missed from its cursor on, and then what comes", async () => {
    async function* follow({ after }: { after: number }): AsyncGenerator<Buffer> {
      for (const seq of [after + 1, after + 2]) {
        yield Buffer.from(
          JSON.stringify({ type: "session", sessionId: "session-123", action: "x", data: {}, seq, timestamp: "" }),
        );
      }
    }
    await using rig = await Rig.open({}, { follow });
    const client = await rig.connect("alice");

    client.say({ ...subscribe, after: 7 });

    await eventually(() =>
      expect(client.messages.filter(({ type }) => type === "session")).toMatchObject([{ seq: 8 }, { seq: 9 }]),
    );
  });
});
