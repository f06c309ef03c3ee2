import { describe, expect, it } from "vitest";

import type { BusError } from "./errors.ts";
import { LocalHub } from "./local-hub.ts";
import { MessageBus } from "./message-bus.ts";
import { NO_HEADERS, type Message } from "./message.ts";
import type { Listener, Member, RequestExchange } from "./transport.ts";

describe("LocalHub", () => {
  it("refuses a second request with a correlation id that is open, and the first one goes on", async () => {
    const hub = new LocalHub();
    const bus = new MessageBus({ pluginId: "answerer", transport: hub });
    bus.subscribe("t", () => {});
    const link = hub.join(aMember("asker"));
    const [first, second] = [aRequest("c1"), aRequest("c1")];

    link.request(first);
    link.request(second);
    await bus.respond("c1", "for the first");

    expect(first.answers).toEqual(["for the first"]);
    expect(second.answers).toEqual(["INVALID_MESSAGE"]);
  });

  it("refuses a request without a correlation id", () => {
    const hub = new LocalHub();
    new MessageBus({ pluginId: "answerer", transport: hub }).subscribe("t", () => {});
    const request = aRequest(undefined);

    hub.join(aMember("asker")).request(request);

    expect(request.answers).toEqual(["INVALID_MESSAGE"]);
  });

  it("goes on asking the newer of two members with one id when the older leaves", () => {
    const hub = new LocalHub();
    const older = hub.join(aMember("answerer"));
    const asked: RequestExchange[] = [];
    hub.join({ ...aMember("answerer"), takeRequest: (request) => asked.push(request) > 0 });
    const request = aRequest("c1");

    void older.leave();
    hub.join(aMember("asker")).request(request);

    expect(asked).toEqual([request]);
  });

  it("forgets the listeners of who leaves, also those that were not unsubscribed", () => {
    const hub = new LocalHub();
    const [leaver, sender] = [hub.join(aMember("leaver")), hub.join(aMember("sender"))];
    const seen: Message[] = [];
    void leaver.subscribe(aListener((message) => seen.push(message)));

    void leaver.leave();
    void sender.publish(aMessage());

    expect(seen).toEqual([]);
  });

  it("does not end the subscriptions of others", () => {
    const hub = new LocalHub();
    const [a, b] = [hub.join(aMember("a")), hub.join(aMember("b"))];
    const seen: Message[] = [];
    const listener = aListener((message) => seen.push(message));
    void a.subscribe(listener);

    b.unsubscribe(listener);
    void b.publish(aMessage());

    expect(seen).toHaveLength(1);
  });

  it("goes on delivering after a listener broke its promise not to throw", async () => {
    const hub = new LocalHub();
    const link = hub.join(aMember("a"));
    const seen: string[] = [];
    let nested: Promise<void> | undefined;
    void link.subscribe(
      aListener(({ messageId }) => {
        seen.push(messageId);
        if (messageId !== "m1") return;
        nested = link.publish(aMessage("m2"));
        throw new Error("explosive");
      }),
    );

    expect(() => link.publish(aMessage("m1"))).toThrow("explosive");
    await nested;
    void link.publish(aMessage("m3"));

    expect(seen).toEqual(["m1", "m2", "m3"]);
  });

  it.each([{ "payload.bytes": 0 }, { "payload.bytes": 1.5 }, { "payload.bytes": Number.NaN }, { "payload.byte": 1 }])(
    "refuses %j as limits",
    (limits) => {
      expect(() => new LocalHub({ limits })).toThrow(RangeError);
    },
  );
});

function aMember(pluginId: string): Member {
  return { pluginId, takeRequest: () => false, takeCall: () => false, cutOff() {} };
}

function aListener(deliver: (message: Message) => void): Listener {
  return { pattern: "t", priority: 0, deliver };
}

function aMessage(messageId = "m1", correlationId?: string): Message {
  return {
    messageId,
    topic: "t",
    source: "asker",
    destination: correlationId === undefined ? undefined : "answerer",
    messageType: "event",
    priority: 5,
    headers: NO_HEADERS,
    correlationId,
    timestamp: "2025-01-01T00:00:00.000Z",
    payload: {},
  };
}

function aRequest(correlationId: string | undefined): RequestExchange & { answers: unknown[] } {
  const answers: unknown[] = [];
  return {
    message: { ...aMessage("m1", correlationId), destination: "answerer" },
    timeoutMs: 1_000,
    isOpen: true,
    taker: undefined,
    reply: (value: unknown) => answers.push(value) > 0,
    fail: (error: BusError) => answers.push(error.code) > 0,
    answers,
  };
}
