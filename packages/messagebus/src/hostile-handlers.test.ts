import { setImmediate as turn } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { warnOfListenerFailure } from "./listener-errors.ts";
import { LocalHub } from "./local-hub.ts";
import { MessageBus } from "./message-bus.ts";

// What a handler may throw and still hurt nobody: neither the sender, nor the bus that tells of it.
const THROWN: [string, () => unknown][] = [
  ["nothing", () => undefined],
  ["an object without a prototype", () => Object.create(null)],
  ["an object that cannot be shown", () => ({ toString: explode })],
  ["an error whose message explodes", () => Object.defineProperty(new Error("x"), "message", { get: explode })],
  ["an error whose stack explodes", () => Object.defineProperty(new Error("x"), "stack", { get: explode })],
  ["a proxy of no kind", () => new Proxy({}, { getPrototypeOf: explode, get: explode })],
  ["a symbol", () => Symbol("x")],
  ["an endless message", () => new Error("x".repeat(1_000_000))],
];

describe("a handler that throws", () => {
  it.each(THROWN)("%s does not hurt the sender, with the default hook", async (name, make) => {
    const bus = new MessageBus({ pluginId: "a", transport: new LocalHub() });
    const [pattern, seen] = [`hostile/${THROWN.findIndex(([other]) => other === name)}`, [] as string[]];
    bus.subscribe(pattern, () => {
      throw make();
    });
    bus.subscribe(pattern, () => seen.push("the next"));

    await bus.publish({ topic: pattern });

    expect(seen).toEqual(["the next"]);
  });

  it.each(THROWN)("%s can be told as a warning", (name, error) => {
    expect(() => warnOfListenerFailure({ error: error(), pluginId: "a", pattern: `told/${name}` })).not.toThrow();
  });

  it.each(THROWN)("%s fails a request and a call with a RemoteError", async (_name, make) => {
    const transport = new LocalHub();
    const [asker, bus] = ["asker", "a"].map(
      (pluginId) => new MessageBus({ pluginId, transport, onListenerError: () => {} }),
    );
    const fail = () => {
      throw make();
    };
    bus!.subscribe("t", fail);
    bus!.serve({ find: () => fail });

    await expect(asker!.request({ destination: "a", topic: "t" })).rejects.toMatchObject({ code: "REMOTE_ERROR" });
    await expect(asker!.call("plugin://a/rpc", "m")).rejects.toMatchObject({ code: "REMOTE_ERROR" });
  });

  it("from a promise that is rejected twice does not speak for another handler", async () => {
    const transport = new LocalHub();
    const bus = new MessageBus({ pluginId: "a", transport, onListenerError: () => {} });
    const rejectTwice = (_done: unknown, reject: (error: Error) => void) => {
      reject(new Error("once"));
      reject(new Error("twice"));
    };
    // oxlint-disable-next-line unicorn/no-thenable -- somebody will
    bus.subscribe("t", () => ({ then: rejectTwice }));
    bus.subscribe("t", async ({ correlationId }) => {
      await turn();
      await bus.respond(correlationId, "well");
    });

    expect(await bus.request({ destination: "a", topic: "t" })).toBe("well");
  });
});

function explode(): never {
  throw new Error("explosive");
}
