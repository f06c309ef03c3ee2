import { connect } from "node:net";

import { limit } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { approvedPlugin, manifestOf, serveBus, tokenOf } from "../../test/_support/plugins.ts";
import { dataOf, Rig } from "../../test/_support/rig.ts";

/** How a WebSocket to the bus fares with these headers: `open`, or the status of the refusal. */
async function attempt(url: string, headers: Record<string, string>, protocols = ["signalbox.bus.v1"]) {
  const socket = new WebSocket(url, protocols, { headers });
  try {
    return await new Promise<string>((resolve) => {
      socket.once("open", () => resolve("open"));
      socket.once("unexpected-response", (_, response) => resolve(String(response.statusCode)));
      socket.once("error", (error) => resolve(error.message));
    });
  } finally {
    socket.terminate();
  }
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function isConnected(rig: Rig, name = "crier"): Promise<boolean> {
  return dataOf(await rig.plane.plugins.getPlugin(name)).connected;
}

describe("a plugin's connection", () => {
  it("is opened by its token, under the name that the token is for", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const bus = server.connect("crier", await tokenOf(rig, "crier"));
    await eventually(() => isConnected(rig));

    const details = dataOf(await rig.plane.plugins.getPlugin("crier"));

    expect(details).toMatchObject({ connected: true, connectedAt: "2025-01-01T00:00:00.000Z" });
    expect(rig.plane.stats().pluginsConnected).toBe(1);
    await bus.close();
  });

  it.each([
    ["nothing", {}],
    ["an empty header", { authorization: "" }],
    ["another scheme", { authorization: "Basic sbp_x" }],
    ["a token that nobody made", bearer(`sbp_${"0".repeat(16)}_${"A".repeat(43)}`)],
    ["what is no token", bearer("hello")],
  ])("is not opened with %s", async (_, headers) => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);

    expect(await attempt(server.url, headers)).toBe("401");
  });

  it("is not opened by an API token, however mighty, nor by a token with another secret", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const { token } = dataOf(await rig.plane.tokens.createToken({ name: "root", scopes: ["admin"] }));
    const other = await tokenOf(rig, "crier");

    expect(await attempt(server.url, bearer(token))).toBe("401");
    expect(await attempt(server.url, bearer(token.replace("sbx_", "sbp_")))).toBe("401");
    expect(await attempt(server.url, bearer(`${other.slice(0, -3)}AAA`))).toBe("401");
  });

  it("needs an approval of the manifest that the plugin has now", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const token = await tokenOf(rig, "crier");
    dataOf(await rig.plane.plugins.registerPlugin({ manifest: manifestOf("crier", { version: "2.0.0" }) }));

    const pending = await attempt(server.url, bearer(token));
    const { manifestHash } = dataOf(await rig.plane.plugins.getPlugin("crier"));
    dataOf(await rig.plane.plugins.approvePlugin("crier", { manifestHash }));

    expect(pending).toBe("403");
    expect(await attempt(server.url, bearer(token))).toBe("open");
  });

  it("is refused to who has no business on the bus", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const token = await tokenOf(rig, "crier", { communication: { messagebus: { enabled: false } } });

    expect(await attempt(server.url, bearer(token))).toBe("403");
  });

  it("ends when its token has run out, soon", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    await approvedPlugin(rig, "crier");
    const { token } = dataOf(await rig.plane.plugins.createToken("crier", { expiresInMs: 60_000 }));
    server.connect("crier", token);
    await eventually(() => isConnected(rig));

    await rig.pass(60_000 + limit("revocation.ms"));

    expect(await isConnected(rig)).toBe(false);
    expect(await attempt(server.url, bearer(token))).toBe("401");
  });

  it("speaks the protocol of the bus, or ends", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const token = await tokenOf(rig, "crier");
    const socket = new WebSocket(server.url, { headers: bearer(token) });

    const code = await new Promise((resolve) => socket.once("close", resolve));

    expect(code).toBe(1002);
    expect(await isConnected(rig)).toBe(false);
  });

  it("takes the place of the one before", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const token = await tokenOf(rig, "crier");
    const first = new WebSocket(server.url, ["signalbox.bus.v1"], { headers: bearer(token) });
    const ended = new Promise((resolve) => first.once("close", resolve));
    await eventually(() => isConnected(rig));

    server.connect("crier", token);

    expect(await ended).toBe(4002);
    await eventually(() => isConnected(rig));
  });

  it("tells strangers to slow down, where the app says so", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig, () => false);

    expect(await attempt(server.url, {})).toBe("429");
    expect(await attempt(server.url, bearer(await tokenOf(rig, "crier")))).toBe("open");
  });

  it("leaves other paths to others, and a caller that hangs up in the middle hurts nobody", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const token = await tokenOf(rig, "crier");
    const { port, pathname } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    const lines = [`GET ${pathname} HTTP/1.1`, "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
    socket.write(`${[...lines, `Authorization: Bearer ${token}`].join("\r\n")}\r\n\r\n`);
    socket.resetAndDestroy();

    expect(await attempt(server.url.replace(pathname, "/api/v1/other"), bearer(token))).not.toBe("open");
    expect(await attempt(server.url, bearer(token))).toBe("open");
  });
});

describe("revoking", () => {
  // Red without `disconnect` in `withdraw`: what was taken away would go on until the plugin leaves by itself.
  it("a plugin has closed its connection when it resolves, and its token is refused from then on", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const token = await tokenOf(rig, "crier");
    const socket = new WebSocket(server.url, ["signalbox.bus.v1"], { headers: bearer(token) });
    const ended = new Promise((resolve) => socket.once("close", resolve));
    await eventually(() => isConnected(rig));

    dataOf(await rig.plane.plugins.revokePlugin("crier"));

    expect(await isConnected(rig)).toBe(false);
    expect(await ended).toBe(4001);
    expect(await attempt(server.url, bearer(token))).toBe("401");
  });

  it("a plugin whose manifest changes loses its connection too", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    server.connect("crier", await tokenOf(rig, "crier"));
    await eventually(() => isConnected(rig));

    dataOf(await rig.plane.plugins.registerPlugin({ manifest: manifestOf("crier", { version: "2.0.0" }) }));

    expect(await isConnected(rig)).toBe(false);
  });

  it("one token closes the connection that it opened, and no other", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    await approvedPlugin(rig, "crier");
    const mine = dataOf(await rig.plane.plugins.createToken("crier"));
    const spare = dataOf(await rig.plane.plugins.createToken("crier"));
    server.connect("crier", mine.token);
    await eventually(() => isConnected(rig));

    dataOf(await rig.plane.tokens.revokeToken(spare.id));
    expect(await isConnected(rig)).toBe(true);
    dataOf(await rig.plane.tokens.revokeToken(mine.id));

    expect(await isConnected(rig)).toBe(false);
    expect(await attempt(server.url, bearer(mine.token))).toBe("401");
  });

  // Red without the sweep: what another server of the installation revoked would go on here.
  it("elsewhere ends it here within revocation.ms", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    server.connect("crier", await tokenOf(rig, "crier"));
    await eventually(() => isConnected(rig));
    const actor = { kind: "system", id: "system" } as const;
    await rig.store.run("revokePlugin", { orgId: "default", name: "crier", now: rig.clock.now(), actor });

    await rig.pass(limit("revocation.ms"));

    expect(await isConnected(rig)).toBe(false);
  });
});

describe("on the bus", () => {
  it("a request is routed to the plugin that fits, answered by it, and told to everybody", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const crier = server.connect("crier", await tokenOf(rig, "crier"));
    const herald = server.connect("herald", await tokenOf(rig, "herald"));
    const decisions: unknown[] = [];
    await herald.subscribe("routing/decision", ({ payload }) => void decisions.push(payload)).ready;
    await crier.subscribe("plugin/crier/request", ({ payload, headers, correlationId }) =>
      crier.respond(correlationId!, { said: payload.words, user: headers["userId"] }),
    ).ready;

    const answer = dataOf(
      await rig.plane.plugins.dispatchRequest({ text: "let the crier say it", payload: { words: "hear, hear" } }),
    );

    expect(answer).toMatchObject({
      plugin: "crier",
      response: { said: "hear, hear", user: "local" },
      route: { primaryPlugin: "crier", candidates: [{ matches: [{ kind: "keyword", term: "crier" }] }] },
    });
    await eventually(() => decisions.length === 1);
    expect(decisions).toMatchObject([{ requestId: answer.requestId, primaryPlugin: "crier" }]);
  });

  it("a request that nobody answers in time is given up", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const crier = server.connect("crier", await tokenOf(rig, "crier"));
    const asked = Promise.withResolvers<void>();
    await crier.subscribe("plugin/crier/request", () => asked.resolve()).ready;

    const asking = rig.plane.plugins.dispatchRequest({ text: "crier", timeoutMs: 1_000 });
    await asked.promise;
    await rig.pass(1_000);

    expect((await asking).error?.code).toBe("PLUGIN_FAILED");
  });

  it("a plugin that keeps failing is spared: its breaker shows", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const errorHandling = { circuitBreaker: { threshold: 2 }, retryPolicy: { maxRetries: 0 } };
    const crier = server.connect("crier", await tokenOf(rig, "crier", { errorHandling }));
    await crier.subscribe("plugin/crier/request", () => {
      throw new Error("hoarse");
    }).ready;
    const ask = async () => (await rig.plane.plugins.dispatchRequest({ text: "crier" })).error?.code;

    const codes = [await ask(), await ask(), await ask()];

    expect(codes).toEqual(["PLUGIN_FAILED", "PLUGIN_FAILED", "PLUGIN_UNAVAILABLE"]);
    expect(dataOf(await rig.plane.plugins.getPlugin("crier")).breaker).toBe("open");
  });

  it("a payload that the bus does not carry is the caller's", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const crier = server.connect("crier", await tokenOf(rig, "crier"));
    await crier.subscribe("plugin/crier/request", () => {}).ready;

    const { error } = await rig.plane.plugins.dispatchRequest({
      text: "crier",
      payload: { words: "x".repeat(300_000) },
    });

    expect(error?.code).toBe("VALIDATION_ERROR");
  });

  it.each(["system/broadcast", "routing/decision", "plugin/herald/events", "news/herald"])(
    "a plugin does not publish on %s, which its manifest does not give it",
    async (topic) => {
      await using rig = await Rig.open();
      await using server = await serveBus(rig);
      const crier = server.connect("crier", await tokenOf(rig, "crier"));

      await expect(crier.publish({ topic, payload: {} })).rejects.toMatchObject({
        code: expect.stringMatching(/^(FORBIDDEN|RESERVED)_TOPIC$/),
      });
    },
  );

  it("plugins go and the bus ends with the control plane", async () => {
    await using rig = await Rig.open();
    await using server = await serveBus(rig);
    const token = await tokenOf(rig, "crier");
    server.connect("crier", token);
    await eventually(() => isConnected(rig));

    await rig.plane.drain();

    expect(rig.plane.stats().pluginsConnected).toBe(0);
    expect(await attempt(server.url, bearer(token))).toBe("503");
  });
});
