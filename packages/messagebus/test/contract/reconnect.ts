import { eventually } from "@signalbox/testkit";
import { expect, it } from "vitest";

import type { RpcContext } from "../../src/index.ts";
import { answer, collect, payloads, refusalOf, serve } from "./plugins.ts";
import { NEVER_MS, type RemoteWorld, type Worlds } from "./world.ts";

/** What becomes of what is under way when a connection breaks, and of what is sent until it is back. */
export function itComesBack(worlds: Worlds<RemoteWorld>): void {
  it("subscribes and serves again when it is back, and delivers nothing twice", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const [exact, wide] = [await collect(subscriber, "t/n"), await collect(subscriber, "t/*")];
    await answer(subscriber, "q", () => "answer");
    await serve(subscriber, { ping: () => "pong" });

    await worlds.world.cut("subscriber");
    worlds.world.mend("subscriber");
    await eventually(() => publisher.call("plugin://subscriber/rpc", "ping", {}, { timeout: 1_000 }));
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    await Promise.all(numbers.map((payload) => publisher.publish({ topic: "t/n", payload })));

    await eventually(() => wide.length >= 100 && exact.length >= 100);
    expect(await publisher.request({ destination: "subscriber", topic: "q" })).toBe("answer");
    expect([payloads(exact), payloads(wide)]).toEqual([numbers, numbers]);
  });

  it("keeps what is published while it is away, and sends it once and in order when it is back", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const got = await collect(subscriber, "t");

    await worlds.world.cut("publisher");
    const sent = [1, 2, 3].map((payload) => publisher.publish({ topic: "t", payload }));
    worlds.world.mend("publisher");
    await Promise.all(sent);
    await publisher.publish({ topic: "t", payload: 4 });

    await eventually(() => got.length >= 4);
    expect(payloads(got)).toEqual([1, 2, 3, 4]);
  });

  it("refuses what is published beyond the limit while it is away, and nothing that came before", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const got = await collect(subscriber, "t");
    const most = worlds.world.limits["outbox.messages"];

    await worlds.world.cut("publisher");
    const sent = Array.from({ length: most + 1 }, (_, payload) => publisher.publish({ topic: "t", payload }));
    const last = sent.pop();
    await expect(last).rejects.toMatchObject({ code: "OVERLOADED", isRetryable: true });
    worlds.world.mend("publisher");
    await Promise.all(sent);

    await eventually(() => got.length === most);
  });

  it("takes back what was not sent when the signal is aborted", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const got = await collect(subscriber, "t");
    const controller = new AbortController();

    await worlds.world.cut("publisher");
    const dropped = publisher.publish({ topic: "t", payload: 1 }, { signal: controller.signal });
    const kept = publisher.publish({ topic: "t", payload: 2 });
    controller.abort(new Error("enough"));
    await expect(dropped).rejects.toThrow("enough");
    worlds.world.mend("publisher");
    await kept;

    await eventually(() => got.length > 0);
    expect(payloads(got)).toEqual([2]);
  });

  it("fails requests and calls that are under way with a ConnectionLostError that invites a retry", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    const asked = await collect(server, "q");
    const signals: AbortSignal[] = [];
    await serve(server, {
      wait: (_: unknown, { signal }: RpcContext) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    });

    const outcomes = [
      refusalOf(asker.request({ destination: "server", topic: "q", timeout: NEVER_MS })),
      refusalOf(asker.call("plugin://server/rpc", "wait", {}, { timeout: NEVER_MS })),
    ];
    await eventually(() => asked.length === 1 && signals.length === 1);
    await worlds.world.cut("asker");

    const lost = expect.objectContaining({ code: "CONNECTION_LOST", isRetryable: true });
    expect(await Promise.all(outcomes)).toEqual([lost, lost]);
  });

  it("asks when it is back what was asked while it was away", async () => {
    const [asker, server] = await worlds.join("asker", "server");
    await answer(server, "q", ({ payload }) => payload);

    await worlds.world.cut("asker");
    const asked = asker.request({ destination: "server", topic: "q", payload: 1, timeout: NEVER_MS });
    const aborted = asker.request({
      destination: "server",
      topic: "q",
      signal: AbortSignal.timeout(1),
      timeout: NEVER_MS,
    });
    await expect(aborted).rejects.toThrow();
    worlds.world.mend("asker");

    await expect(asked).resolves.toBe(1);
  });
}
