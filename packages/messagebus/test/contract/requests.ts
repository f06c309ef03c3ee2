import { eventually } from "@signalbox/testkit";
import { expect, it } from "vitest";

import type { Message } from "../../src/index.ts";
import { answer, collect, refusalOf } from "./plugins.ts";
import { NEVER_MS, type Worlds } from "./world.ts";

/** Questions, and the one who answers them. */
export function itAnswersRequests(worlds: Worlds): void {
  it("resolves to what is responded, with or without a destination", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    await answer(server, "plugin/server/request", ({ payload }) => ({ status: "success", result: payload }));

    const [one, two] = await Promise.all([
      asker.request({ destination: "server", topic: "plugin/server/request", payload: 1, timeout: NEVER_MS }),
      asker.request({ topic: "plugin.server.request", payload: { n: 2 }, timeout: NEVER_MS }),
    ]);

    expect([one, two]).toEqual([
      { status: "success", result: 1 },
      { status: "success", result: { n: 2 } },
    ]);
  });

  it("tells the handler who asks, with headers and a correlation id of 128 bits", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    const got: Message[] = [];
    await answer(server, "q", (message) => void got.push(message));

    const headers = { traceparent: "00-1-2-01" };
    await asker.request({ destination: "server", topic: "q", headers, priority: 7, timeout: NEVER_MS });

    expect(got[0]).toMatchObject({
      source: "asker",
      destination: "server",
      messageType: "request",
      priority: 7,
      headers,
    });
    expect(got[0]?.correlationId).toMatch(/^[0-9a-f]{32}$/);
  });

  it("gives each of 100 requests at once its own answer", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    await answer(server, "q", async ({ payload }) => {
      if (payload % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      return payload * 2;
    });
    const numbers = Array.from({ length: 100 }, (_, index) => index);

    const answers = await Promise.all(
      numbers.map((payload) => asker.request({ destination: "server", topic: "q", payload, timeout: NEVER_MS })),
    );

    expect(answers).toEqual(numbers.map((number) => number * 2));
  });

  it("counts the first answer, and says false to the second", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    const told: boolean[] = [];
    await server.subscribe("q", async ({ correlationId = "" }) => {
      const [first, second] = [server.respond(correlationId, "first"), server.respond(correlationId, "second")];
      told.push(await first, await second);
    }).ready;

    const result = await asker.request({ destination: "server", topic: "q", timeout: NEVER_MS });

    expect(result).toBe("first");
    await eventually(() => told.length === 2);
    expect(told).toEqual([true, false]);
  });

  it("fails at once when there is no such plugin", async () => {
    const [asker] = await worlds.join("asker");

    const asked = asker.request({ destination: "nobody", topic: "q", timeout: NEVER_MS });

    await expect(asked).rejects.toMatchObject({ code: "NO_RESPONDER", isRetryable: true });
  });

  it("fails at once when the plugin does not subscribe to the topic", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    await collect(server, "other");

    const asked = asker.request({ destination: "server", topic: "q", timeout: NEVER_MS });

    await expect(asked).rejects.toMatchObject({ code: "NO_RESPONDER" });
  });

  it("fails at once when every handler threw", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    await server.subscribe("q", () => Promise.reject(new Error("cannot"))).ready;

    const asked = asker.request({ destination: "server", topic: "q", timeout: NEVER_MS });

    await expect(asked).rejects.toMatchObject({ code: "REMOTE_ERROR", message: "cannot" });
  });

  it("fails at the timeout when nobody answers", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    await collect(server, "q");

    const asked = asker.request({ destination: "server", topic: "q", timeout: 30 });

    await expect(asked).rejects.toMatchObject({ code: "REQUEST_TIMEOUT", isRetryable: true });
  });

  it("stops waiting when the signal is aborted, and says false to a later answer", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    const asked = await collect(server, "q");
    const controller = new AbortController();

    const pending = asker.request({
      destination: "server",
      topic: "q",
      signal: controller.signal,
      timeout: NEVER_MS,
    });
    const outcome = refusalOf(pending);
    await eventually(() => asked.length === 1);
    controller.abort(new Error("enough"));

    expect(await outcome).toMatchObject({ message: "enough" });
    await eventually(async () => {
      expect(await server.respond(asked[0]?.correlationId ?? "", "late")).toBe(false);
      return true;
    });
  });

  it.each(["clear", "close"] as const)("fails at once when the asked plugin does %s", async (leave) => {
    const [asker, server] = await worlds.join("asker", "server");
    const asked = await collect(server, "q");

    const pending = asker.request({ destination: "server", topic: "q", timeout: NEVER_MS });
    const outcome = refusalOf(pending);
    await eventually(() => asked.length === 1);
    await server[leave]();

    expect(await outcome).toMatchObject({ code: "NO_RESPONDER" });
  });

  it("lets nobody answer who was not asked, not even with the right correlation id", async () => {
    const [asker, server, forger] = await worlds.join("asker", "server", "forger");
    const asked = await collect(server, "q");

    const pending = asker.request({ destination: "server", topic: "q", timeout: NEVER_MS });
    await eventually(() => asked.length === 1);
    const correlationId = asked[0]?.correlationId ?? "";
    await expect(forger.respond(correlationId, "forged")).rejects.toMatchObject({ code: "NOT_ADDRESSED" });
    await expect(forger.respond("0".repeat(32), "forged")).rejects.toMatchObject({ code: "NOT_ADDRESSED" });
    await expect(asker.respond(correlationId, "forged")).rejects.toMatchObject({ code: "NOT_ADDRESSED" });
    await server.respond(correlationId, "true");

    await expect(pending).resolves.toBe("true");
  });

  it("shows a request to nobody but the plugin that is asked", async () => {
    const [asker, server, other] = await worlds.join("asker", "server", "other");
    const overheard = await collect(other, "**");
    await answer(server, "q", () => "answer");

    await asker.request({ destination: "server", topic: "q", payload: "secret", timeout: NEVER_MS });
    await asker.publish({ topic: "end" });

    await eventually(() => overheard.length > 0);
    expect(overheard.map(({ topic }) => topic)).toEqual(["end"]);
  });
}
