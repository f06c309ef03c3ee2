import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { SESSION_SOCKET_PATH, type Scope, type Session, type WsServerMessage } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { Rig } from "../../test/_support/rig.ts";
import { LOCAL_CONTEXT } from "../request-context.ts";
import { CLOSE_CODES } from "./close-codes.ts";

const REQUEST = { orgId: "default", providerId: "codex", task: "Say hello" } as const;

/** A whole control plane behind a real HTTP server, and real clients of its socket. */
class SocketRig implements AsyncDisposable {
  readonly rig: Rig;
  readonly #server = createServer();
  readonly #clients: WebSocket[] = [];

  constructor(rig: Rig) {
    this.rig = rig;
    this.#server.on("upgrade", (request, socket, head) => {
      if (!rig.plane.sessionSocket.handleUpgrade(request, socket, head)) socket.destroy();
    });
  }

  static async open(): Promise<SocketRig> {
    const rig = new SocketRig(await Rig.open());
    rig.#server.listen(0, "127.0.0.1");
    await once(rig.#server, "listening");
    return rig;
  }

  async token(...scopes: Scope[]): Promise<{ id: string; token: string }> {
    const made = await this.rig.plane.tokens.createToken({ name: "t", scopes });
    if (!made.success) throw new Error(made.error.message);
    return made.data;
  }

  async session(): Promise<Session> {
    const made = await this.rig.plane.sessions.createSession(REQUEST);
    if (!made.success) throw new Error(made.error.message);
    return made.data;
  }

  async connect(token: string | undefined, query = "") {
    const { port } = this.#server.address() as AddressInfo;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const ws = new WebSocket(`ws://127.0.0.1:${port}${SESSION_SOCKET_PATH}${query}`, { headers });
    this.#clients.push(ws);
    const messages: WsServerMessage[] = [];
    ws.on("message", (data) => messages.push(JSON.parse((data as Buffer).toString()) as WsServerMessage));
    const closed = once(ws, "close") as Promise<[number]>;
    closed.catch(() => undefined);
    await once(ws, "open");
    const ofSession = () => messages.filter((message) => message.type === "session");
    return { ws, messages, closed, ofSession, say: (message: object): void => ws.send(JSON.stringify(message)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ws of this.#clients) ws.terminate();
    await this.rig[Symbol.asyncDispose]();
    this.#server.close();
  }
}

describe("the socket of sessions", () => {
  it("tells followers without a cursor what happens from now on, numbered, and shows them what is asked", async () => {
    await using socket = await SocketRig.open();
    const { sessionId } = await socket.session();
    const { token } = await socket.token("sessions:read");
    const client = await socket.connect(token);
    client.say({ type: "subscribe_session", sessionId, messageId: "m1" });
    await eventually(() => client.messages.some((message) => message.type === "ack"));

    await socket.rig.plane.sessions.requestApproval(sessionId, "merge", "Merge it?", { branch: "main" });
    const asked = await eventually(() => client.messages.find((message) => message.type === "approval_required"));
    const { lastSeq } = (await socket.rig.plane.sessions.getSession(sessionId)).data ?? {};

    expect(asked).toMatchObject({ sessionId, approval: { action: "merge", context: { branch: "main" } } });
    expect(client.ofSession().map(({ action }) => action)).toEqual(
      expect.arrayContaining(["approval.requested", "state_change"]),
    );
    expect(client.ofSession().at(-1)?.seq).toBe(lastSeq);
  });

  it("gives a follower with a cursor everything after it, once each, and what still waits for an answer", async () => {
    await using socket = await SocketRig.open();
    const { sessions } = socket.rig.plane;
    const { sessionId } = await socket.session();
    const { token } = await socket.token("sessions:read", "sessions:write", "gates:decide");
    const first = await sessions.requestApproval(sessionId, "merge");
    const approvalId = first.data?.approvalId ?? "";
    await sessions.resolveApproval(sessionId, { approvalId, decision: "deny" });
    await sessions.requestApproval(sessionId, "deploy");

    const client = await socket.connect(token);
    client.say({ type: "subscribe_session", sessionId, after: 0 });
    await eventually(() => client.messages.some((message) => message.type === "approval_required"));
    await sessions.stopSession(sessionId);
    await eventually(() => client.ofSession().some(({ action }) => action === "session.completed"));

    const seqs = client.ofSession().map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
    const asked = client.messages.filter((message) => message.type === "approval_required");
    expect(asked.map(({ approval }) => approval.action)).toEqual(["deploy"]);
  });

  it("opens with a ticket once", async () => {
    await using socket = await SocketRig.open();
    const { sessionId } = await socket.session();
    const drawn = await socket.rig.plane.tokens.createSocketTicket();
    const ticket = drawn.data?.ticket ?? "";

    const client = await socket.connect(undefined, `?ticket=${ticket}`);
    client.say({ type: "subscribe_session", sessionId, messageId: "m1" });
    await eventually(() => client.messages.some((message) => message.type === "ack"));
    const again = await socket.connect(undefined, `?ticket=${ticket}`);

    expect((await again.closed)[0]).toBe(CLOSE_CODES.unauthorized);
  });

  it("closes within the time that a revocation may take", async () => {
    await using socket = await SocketRig.open();
    const { id, token } = await socket.token("sessions:read");
    const client = await socket.connect(token);
    const { sessionId } = await socket.session();
    client.say({ type: "subscribe_session", sessionId, messageId: "m1" });
    await eventually(() => client.messages.some((message) => message.type === "ack"));

    await socket.rig.plane.tokens.revokeToken(id);
    await socket.rig.pass(5_000);

    expect((await client.closed)[0]).toBe(CLOSE_CODES.revoked);
  });

  it("knows no session of another org, and no credential but a token or a ticket", async () => {
    await using socket = await SocketRig.open();
    const other = await socket.rig.plane.sessions.createSession({ ...REQUEST, orgId: "other" }, LOCAL_CONTEXT);
    const { token } = await socket.token("sessions:read");
    const client = await socket.connect(token);
    const stranger = await socket.connect("sbx_nobody");

    client.say({ type: "subscribe_session", sessionId: other.data?.sessionId, after: 0 });
    const refused = await eventually(() => client.messages.find((message) => message.type === "error"));

    expect(refused).toMatchObject({ code: "SESSION_NOT_FOUND" });
    expect((await stranger.closed)[0]).toBe(CLOSE_CODES.unauthorized);
  });
});
