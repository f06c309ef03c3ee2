import { getEventListeners } from "node:events";
import { setImmediate as turn } from "node:timers/promises";

import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { LocalHub, type LocalHubOptions } from "./local-hub.ts";
import { MessageBus, type MessageBusOptions } from "./message-bus.ts";
import type { Message, RequestInput } from "./message.ts";

describe("MessageBus.request", () => {
  it("resolves to what the destination responds with", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("plugin/answerer/request", async (message) => {
      await answerer.respond(message.correlationId!, { status: "success", result: message.payload.command });
    });

    const response = await asker.request({
      destination: "answerer",
      topic: "plugin/answerer/request",
      payload: { command: "create_tenant" },
      timeout: 30_000,
    });

    expect(response).toEqual({ status: "success", result: "create_tenant" });
  });

  it("hands over a message that names the asker and carries 128 random bits", async () => {
    const { asker, answerer } = twoBuses({ randomFill: (buffer) => buffer.fill(0xab) });
    const seen: Message[] = [];
    answerer.subscribe("t", (message) => {
      seen.push(message);
      void answerer.respond(message.correlationId!);
    });

    await asker.request({ destination: "answerer", topic: "t", headers: { traceId: "x" }, priority: 9 });

    expect(seen).toMatchObject([
      {
        source: "asker",
        destination: "answerer",
        messageType: "request",
        correlationId: "ab".repeat(16),
        headers: { traceId: "x" },
        priority: 9,
      },
    ]);
  });

  it("draws a new correlation id for every request", async () => {
    const { asker, answerer } = twoBuses();
    const ids = new Set<string>();
    answerer.subscribe("t", ({ correlationId }) => {
      ids.add(correlationId!);
      void answerer.respond(correlationId!);
    });

    for (let n = 0; n < 1_000; n++) await asker.request({ destination: "answerer", topic: "t" });

    expect(ids.size).toBe(1_000);
    expect([...ids].every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
  });

  it("resolves to an answer that tells of an error", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", ({ correlationId }) =>
      answerer.respond(correlationId!, { status: "error", error: "Unknown command: x" }),
    );

    const response = await asker.request({ destination: "answerer", topic: "t" });

    expect(response).toEqual({ status: "error", error: "Unknown command: x" });
  });

  it("finds the destination in the topic", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("plugin.answerer.>", ({ correlationId, topic }) => answerer.respond(correlationId!, topic));

    expect(await asker.request({ topic: "plugin.answerer.request" })).toBe("plugin/answerer/request");
  });

  it("reaches the handlers of the destination only, its wildcards among them", async () => {
    const { hub, asker, answerer } = twoBuses();
    const third = busOn(hub, "third");
    const called: string[] = [];
    third.subscribe("**", () => called.push("third"));
    asker.subscribe("t", () => called.push("asker"));
    answerer.subscribe("*", ({ correlationId }) => {
      called.push("answerer");
      void answerer.respond(correlationId!);
    });

    await asker.request({ destination: "answerer", topic: "t" });

    expect(called).toEqual(["answerer"]);
  });

  it("lets a plugin ask itself", async () => {
    const { asker } = twoBuses();
    asker.subscribe("t", ({ correlationId }) => asker.respond(correlationId!, "me"));

    expect(await asker.request({ destination: "asker", topic: "t" })).toBe("me");
  });

  it.each<[string, Partial<RequestInput>, (answerer: MessageBus) => void, string]>([
    ["there is no such plugin", { destination: "nobody" }, () => {}, "NO_RESPONDER"],
    ["the plugin does not listen", {}, () => {}, "NO_RESPONDER"],
    ["the plugin listens to something else", {}, (bus) => bus.subscribe("t/*", () => {}), "NO_RESPONDER"],
    ["its filter does not want it", {}, (bus) => bus.subscribe("t", () => {}, { filter: () => false }), "NO_RESPONDER"],
    ["its filter throws", {}, (bus) => bus.subscribe("t", () => {}, { filter: () => explode() }), "NO_RESPONDER"],
    ["its handler throws", {}, (bus) => bus.subscribe("t", () => explode()), "REMOTE_ERROR"],
    ["its handler rejects", {}, (bus) => bus.subscribe("t", async () => explode()), "REMOTE_ERROR"],
    [
      "every handler throws",
      {},
      (bus) => [bus.subscribe("t", () => explode()), bus.subscribe("*", async () => explode())],
      "REMOTE_ERROR",
    ],
    ["its handler stops listening", {}, (bus) => bus.subscribe("t", () => bus.clear()), "NO_RESPONDER"],
    ["its handler closes", {}, (bus) => bus.subscribe("t", () => void bus.close()), "NO_RESPONDER"],
    ["it is on a topic of the host", { topic: "system/x" }, () => {}, "RESERVED_TOPIC"],
    ["the topic has wildcards", { topic: "*" }, () => {}, "INVALID_TOPIC"],
    ["the destination is no id", { destination: "a.b" }, () => {}, "INVALID_PLUGIN_ID"],
    ["there is no destination", { destination: undefined }, () => {}, "INVALID_MESSAGE"],
    ["the timeout is none", { timeout: Number.NaN }, () => {}, "INVALID_MESSAGE"],
    ["the timeout is 0", { timeout: 0 }, () => {}, "INVALID_MESSAGE"],
    ["the timeout is longer than a day", { timeout: 86_400_001 }, () => {}, "INVALID_MESSAGE"],
    ["the payload is too big", { payload: "x".repeat(10_000_000) }, () => {}, "INVALID_MESSAGE"],
    ["it brings its own correlation id", { correlationId: "x" } as object, () => {}, "INVALID_MESSAGE"],
  ])("rejects at once when %s", async (_name, part, prepare, code) => {
    const clock = new ManualClock();
    const { asker, answerer } = twoBuses({ clock });
    prepare(answerer);

    // The clock stands still: no timeout helps here.
    const asked = asker.request({ destination: "answerer", topic: "t", ...part });

    await expect(asked).rejects.toMatchObject({ code });
  });

  it("passes on the message of what was thrown, and in one process the thing itself", async () => {
    const { asker, answerer } = twoBuses();
    const thrown = new Error("serviceName is required");
    answerer.subscribe("t", () => explode(thrown));

    await expect(asker.request({ destination: "answerer", topic: "t" })).rejects.toMatchObject({
      name: "RemoteError",
      message: "serviceName is required",
      cause: thrown,
    });
  });

  it("waits while one handler is left that has not thrown", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", () => explode());
    answerer.subscribe("t", async ({ correlationId }) => {
      await turn();
      await answerer.respond(correlationId!, "late but well");
    });

    expect(await asker.request({ destination: "answerer", topic: "t" })).toBe("late but well");
  });

  it("counts an answer that came before the throw", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", async ({ correlationId }) => {
      await answerer.respond(correlationId!, "answered");
      explode();
    });

    expect(await asker.request({ destination: "answerer", topic: "t" })).toBe("answered");
  });

  it("rejects when the time is up, and not before", async () => {
    const clock = new ManualClock();
    const { asker, answerer } = twoBuses({ clock });
    answerer.subscribe("t", () => {});
    let isOver = false;
    const asked = asker.request({ destination: "answerer", topic: "t", timeout: 100 }).finally(() => (isOver = true));
    asked.catch(() => {});

    clock.advance(99);
    await turn();
    expect(isOver).toBe(false);
    clock.advance(1);

    await expect(asked).rejects.toMatchObject({
      code: "REQUEST_TIMEOUT",
      isRetryable: true,
      message: "the request to answerer on t was not answered within 100 ms",
    });
  });

  it("waits 30 seconds where nothing else is said", async () => {
    const clock = new ManualClock();
    const { asker, answerer } = twoBuses({ clock });
    answerer.subscribe("t", () => {});
    const asked = asker.request({ destination: "answerer", topic: "t" });
    asked.catch(() => {});

    clock.advance(30_000);

    await expect(asked).rejects.toThrow(/within 30000 ms/);
  });

  it("gives up when its signal is aborted, before and during", async () => {
    const { asker, answerer } = twoBuses();
    let count = 0;
    answerer.subscribe("t", () => count++);
    const controller = new AbortController();
    const input = { destination: "answerer", topic: "t", signal: controller.signal };

    const asked = asker.request(input);
    controller.abort("enough");

    await expect(asked).rejects.toBe("enough");
    await expect(asker.request(input)).rejects.toBe("enough");
    expect(count).toBe(1);
  });

  it("fails at once when the destination stops listening while it is asked", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", () => {});
    const asked = asker.request({ destination: "answerer", topic: "t" });
    await turn();

    answerer.clear();

    await expect(asked).rejects.toMatchObject({ code: "NO_RESPONDER", message: "plugin answerer stopped listening" });
  });

  it("fails at once when the destination leaves while it is asked", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", () => {});
    const asked = asker.request({ destination: "answerer", topic: "t" });

    await answerer.close();

    await expect(asked).rejects.toMatchObject({ code: "NO_RESPONDER", message: "plugin answerer left the bus" });
  });

  it("fails when the asker closes its own bus", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", () => {});
    const asked = asker.request({ destination: "answerer", topic: "t" });
    asked.catch(() => {});

    await asker.close();

    await expect(asked).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  it("fails when the asker's bus is closed by the handler that is asked", async () => {
    const { asker, answerer } = twoBuses({ clock: new ManualClock() });
    answerer.subscribe("t", () => void asker.close());

    await expect(asker.request({ destination: "answerer", topic: "t" })).rejects.toMatchObject({
      code: "CONNECTION_LOST",
    });
  });

  it("is not handed over when its asker gave up while it waited for a delivery to end", async () => {
    const { asker, answerer } = twoBuses();
    let count = 0;
    answerer.subscribe("t", () => count++);
    const controller = new AbortController();
    let asked: Promise<unknown> | undefined;
    asker.subscribe("go", () => {
      asked = asker.request({ destination: "answerer", topic: "t", signal: controller.signal });
      controller.abort("enough");
    });

    await asker.publish({ topic: "go" });

    await expect(asked).rejects.toBe("enough");
    expect(count).toBe(0);
  });

  it("leaves nothing at a signal once it has ended", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", ({ correlationId }) => answerer.respond(correlationId));
    const { signal } = new AbortController();

    await asker.request({ destination: "answerer", topic: "t", signal });
    await asker.request({ destination: "nobody", topic: "t", signal }).catch(() => {});

    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("goes to the newer of two buses with one id", async () => {
    const { hub, asker, answerer } = twoBuses();
    const newer = busOn(hub, "answerer");
    for (const [bus, name] of [[answerer, "older"] as const, [newer, "newer"] as const]) {
      bus.subscribe("t", ({ correlationId }) => bus.respond(correlationId!, name));
    }

    expect(await asker.request({ destination: "answerer", topic: "t" })).toBe("newer");
  });

  it("bounds what may be pending", async () => {
    const { asker, answerer } = twoBuses({}, { "request.pending": 2 });
    answerer.subscribe("t", () => {});
    const input = { destination: "answerer", topic: "t" };
    for (let n = 0; n < 2; n++) asker.request(input).catch(() => {});

    await expect(asker.request(input)).rejects.toMatchObject({ code: "OVERLOADED" });

    answerer.clear();
    await expect(asker.request(input)).rejects.toMatchObject({ code: "NO_RESPONDER" });
    await asker.close();
  });

  it("bounds what a plugin that does not answer is asked", async () => {
    const { asker, answerer } = twoBuses({}, { "request.asked": 2 });
    answerer.subscribe("t", () => {});
    const input = { destination: "answerer", topic: "t" };
    for (let n = 0; n < 2; n++) asker.request(input).catch(() => {});

    await expect(asker.request(input)).rejects.toMatchObject({
      code: "OVERLOADED",
      message: "plugin answerer has 2 requests that it has not answered",
    });
    await asker.close();
  });
});

describe("MessageBus.respond", () => {
  it("counts the first answer, and tells the others that nobody waits", async () => {
    const { asker, answerer } = twoBuses();
    const told: boolean[] = [];
    answerer.subscribe("t", async ({ correlationId }) => {
      told.push(await answerer.respond(correlationId!, "first"));
      told.push(await answerer.respond(correlationId!, "second"));
    });

    expect(await asker.request({ destination: "answerer", topic: "t" })).toBe("first");
    await turn();

    expect(told).toEqual([true, false]);
  });

  it("tells that nobody waits after the asker gave up, timed out or left", async () => {
    const clock = new ManualClock();
    const { asker, answerer } = twoBuses({ clock });
    const ids: string[] = [];
    answerer.subscribe("t", ({ correlationId }) => ids.push(correlationId!));
    const controller = new AbortController();
    const input = { destination: "answerer", topic: "t", timeout: 10 };
    asker.request({ ...input, signal: controller.signal }).catch(() => {});
    controller.abort();
    asker.request(input).catch(() => {});
    clock.advance(10);
    asker.request(input).catch(() => {});
    await asker.close();

    const told = await Promise.all(ids.map((id) => answerer.respond(id, "too late")));

    expect(told).toEqual([false, false, false]);
  });

  it("can come much later, from wherever the id was kept", async () => {
    const { asker, answerer } = twoBuses();
    let kept = "";
    answerer.subscribe("t", ({ correlationId }) => (kept = correlationId!));
    const asked = asker.request({ destination: "answerer", topic: "t" });
    await turn();

    await answerer.respond(kept, "at last");

    expect(await asked).toBe("at last");
  });

  it("refuses a plugin that was not asked, and the asker goes on waiting", async () => {
    const { hub, asker, answerer } = twoBuses();
    const thief = busOn(hub, "thief");
    let id = "";
    answerer.subscribe("t", ({ correlationId }) => (id = correlationId!));
    const asked = asker.request({ destination: "answerer", topic: "t" });

    await expect(thief.respond(id, "forged")).rejects.toMatchObject({ code: "NOT_ADDRESSED" });
    await expect(asker.respond(id, "forged")).rejects.toMatchObject({ code: "NOT_ADDRESSED" });
    await answerer.respond(id, "genuine");

    expect(await asked).toBe("genuine");
  });

  it.each([undefined, null, "", "__proto__", "0".repeat(32), 7, "x".repeat(1_000_000)])(
    "refuses %.20j as a correlation id",
    async (correlationId) => {
      const { answerer } = twoBuses();

      // Deliberately not what the types allow.
      await expect(answerer.respond(correlationId as string)).rejects.toMatchObject({ code: "NOT_ADDRESSED" });
    },
  );

  it("refuses an answer that is not JSON data, and the asker goes on waiting", async () => {
    const { asker, answerer } = twoBuses();
    answerer.subscribe("t", async ({ correlationId }) => {
      try {
        await answerer.respond(correlationId!, { when: new Date(0) });
      } catch (error) {
        await answerer.respond(correlationId!, { status: "error", error: (error as Error).message });
      }
    });

    expect(await asker.request({ destination: "answerer", topic: "t" })).toEqual({
      status: "error",
      error: "the payload cannot be sent: an instance of Date is not JSON data at .when",
    });
  });

  it("forgets ids after a while, and holds no more of them than it says", async () => {
    const { asker, answerer } = twoBuses({}, { "request.remembered": 10 });
    const ids: string[] = [];
    answerer.subscribe("t", ({ correlationId }) => {
      ids.push(correlationId!);
      void answerer.respond(correlationId!);
    });
    for (let n = 0; n < 100; n++) await asker.request({ destination: "answerer", topic: "t" });

    const told = await Promise.allSettled(ids.map((id) => answerer.respond(id)));

    expect(told.slice(-10).every(({ status }) => status === "fulfilled")).toBe(true);
    expect(told[0]).toMatchObject({ status: "rejected", reason: { code: "NOT_ADDRESSED" } });
  });
});

function twoBuses(
  options: Partial<MessageBusOptions> = {},
  limits: NonNullable<LocalHubOptions["limits"]> = {},
): { hub: LocalHub; asker: MessageBus; answerer: MessageBus } {
  const hub = new LocalHub({ limits });
  return { hub, asker: busOn(hub, "asker", options), answerer: busOn(hub, "answerer", options) };
}

function busOn(hub: LocalHub, pluginId: string, options: Partial<MessageBusOptions> = {}): MessageBus {
  return new MessageBus({ pluginId, transport: hub, onListenerError: () => {}, ...options });
}

function explode(error: Error = new Error("explosive")): never {
  throw error;
}
