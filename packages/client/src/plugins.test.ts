import { listen, ManualClock } from "@signalbox/testkit";
import type { ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";

import { plugin, pluginDetails } from "../test/_support/canned.ts";
import { createClient } from "./client.ts";

const HASH = "a".repeat(64);

describe("a client's plugins", () => {
  it("are read with their manifest, what they may do, and what they wrote", async () => {
    await using api = await serve(saying(pluginDetails()));

    const details = await createClient({ baseUrl: api.url }).plugins.get("crier");

    expect(details).toMatchObject({ name: "crier", manifest: { name: "crier" }, log: [{ text: "ready" }] });
    expect(api.heard).toEqual([{ method: "GET", path: "/api/v1/plugins/crier", body: undefined }]);
  });

  it("are approved by the hash of what was shown", async () => {
    await using api = await serve(saying(plugin({ state: "approved" })));

    const approved = await createClient({ baseUrl: api.url }).plugins.approve("crier", { manifestHash: HASH });

    expect(approved.state).toBe("approved");
    expect(api.heard).toEqual([
      { method: "POST", path: "/api/v1/plugins/crier/approve", body: { manifestHash: HASH } },
    ]);
  });

  it.each(["start", "stop", "restart", "revoke"] as const)(
    "hear %s by their name, however it is spelled",
    async (verb) => {
      await using api = await serve(saying(plugin()));

      await createClient({ baseUrl: api.url }).plugins[verb]("a/b c");

      expect(api.heard).toEqual([{ method: "POST", path: `/api/v1/plugins/a%2Fb%20c/${verb}`, body: {} }]);
    },
  );

  it("are sent a request once, since nobody knows what was done of it when the line breaks", async () => {
    await using api = await serve((response) => response.destroy());

    const sending = createClient({ baseUrl: api.url }).plugins.dispatch({ text: "cry" });

    await expect(sending).rejects.toMatchObject({ name: "ConnectionError" });
    expect(api.heard).toHaveLength(1);
  });

  it("have their own time to answer a request, and some more for the way", async () => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    await using api = await serve(() => asked.resolve());
    const sending = createClient({ baseUrl: api.url, clock, timeoutMs: 1 }).plugins.dispatch({ timeoutMs: 1_000 });
    const outcome = sending.then(
      () => "answered",
      () => "given up",
    );
    await asked.promise;

    clock.advance(10_999);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(1);

    expect(await outcome).toBe("given up");
  });
});

/** A server that answers every request in one way, and remembers what it was asked. */
async function serve(act: (response: ServerResponse) => void) {
  const heard: { method: string | undefined; path: string | undefined; body: unknown }[] = [];
  const server = await listen((request, response) => {
    void text(request).then((body) => {
      heard.push({
        method: request.method,
        path: request.url,
        body: body === "" ? undefined : (JSON.parse(body) as unknown),
      });
      act(response);
    });
  });
  return Object.assign(server, { heard });
}

function saying(data: unknown): (response: ServerResponse) => void {
  return (response) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ success: true, data }));
}
