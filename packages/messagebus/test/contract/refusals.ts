import { eventually } from "@signalbox/testkit";
import { expect, it } from "vitest";

import { collect, serve } from "./plugins.ts";
import { NEVER_MS, type Worlds } from "./world.ts";

/** What is not sent, wherever it is tried. */
export function itRefuses(worlds: Worlds): void {
  it("refuses a sender that claims to be somebody else", async () => {
    const [forger] = await worlds.join("forger");

    const forged = { topic: "t", payload: 1, source: "victim" };

    await expect(forger.publish(forged)).rejects.toMatchObject({ code: "INVALID_MESSAGE" });
  });

  it("keeps system and routing topics for the host of the plugins", async () => {
    const [plugin, subscriber] = await worlds.join("plugin", "subscriber");
    const got = await collect(subscriber, "system/**");
    const system = await worlds.world.system();

    const refused = ["system/broadcast", "routing.decision", "system"].map((topic) => plugin.publish({ topic }));
    await Promise.all(refused.map((promise) => expect(promise).rejects.toMatchObject({ code: "RESERVED_TOPIC" })));
    const asked = plugin.request({ topic: "system/x", destination: "subscriber", timeout: NEVER_MS });
    await expect(asked).rejects.toMatchObject({ code: "RESERVED_TOPIC" });
    await system.publish({ topic: "system/broadcast", payload: "hello" });

    await eventually(() => got.length === 1);
    expect(got[0]).toMatchObject({ source: "system", payload: "hello" });
  });

  it.each([
    ["a cycle", () => cyclic()],
    ["a __proto__ key", () => JSON.parse('{"a":{"__proto__":{"isAdmin":true}}}')],
    ["a function", () => ({ run: () => 1 })],
    ["a bigint", () => ({ n: 1n })],
    ["an instance of a class", () => ({ when: new Date() })],
    ["10 MB", () => "x".repeat(10_000_000)],
    ["10 MB in small pieces", () => Array.from({ length: 1_000_000 }, () => "xxxxxxx")],
    ["1,000 levels", () => nested(1_000)],
  ])("refuses a payload with %s, wherever it is sent", async (_, make) => {
    const [plugin, server] = await worlds.join("plugin", "server");
    const answers: Promise<unknown>[] = [];
    await server.subscribe("q", ({ correlationId = "" }) => {
      answers.push(server.respond(correlationId, make()).then(String, ({ code }) => code));
      return server.respond(correlationId, "fine");
    }).ready;
    await serve(server, { hostile: make });
    const refusal = { code: "INVALID_MESSAGE" };

    await expect(plugin.publish({ topic: "t", payload: make() })).rejects.toMatchObject(refusal);
    await expect(plugin.request({ topic: "q", destination: "server", payload: make() })).rejects.toMatchObject(refusal);
    await expect(plugin.call("plugin://server/rpc", "hostile", make())).rejects.toMatchObject(refusal);
    await expect(plugin.call("plugin://server/rpc", "hostile")).rejects.toMatchObject({
      code: /INVALID_MESSAGE|REMOTE_ERROR/,
    });
    await expect(plugin.request({ topic: "q", destination: "server" })).resolves.toBe("fine");

    expect(await Promise.all(answers)).toEqual(["INVALID_MESSAGE"]);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it("carries the largest payload that is allowed", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const got = await collect(subscriber, "t");
    const payload = "x".repeat(worlds.world.limits["payload.bytes"] - 2);

    await publisher.publish({ topic: "t", payload });

    await eventually(() => got.length === 1);
    expect(got[0]?.payload === payload).toBe(true);
  });

  it.each(["a/*", "a/**", ">", "", "a//b", "a b", "a/b*"])("refuses to publish on %o", async (topic) => {
    const [plugin] = await worlds.join("plugin");

    await expect(plugin.publish({ topic })).rejects.toMatchObject({ code: "INVALID_TOPIC" });
  });

  it("refuses everything on a bus that was closed", async () => {
    const [plugin] = await worlds.join("plugin");

    await plugin.close();

    const refusal = { code: "CONNECTION_LOST" };
    await expect(plugin.publish({ topic: "t" })).rejects.toMatchObject(refusal);
    await expect(plugin.request({ topic: "t", destination: "other" })).rejects.toMatchObject(refusal);
    await expect(plugin.call("plugin://other/rpc", "m")).rejects.toMatchObject(refusal);
    expect(() => plugin.subscribe("t", () => {})).toThrow(expect.objectContaining(refusal));
  });
}

function cyclic(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
