import { createServer } from "node:http";

import { listen } from "@signalbox/testkit";
import { afterEach, describe, expect, it, vi } from "vitest";

import { LocalHub, MessageBus, resetMessageBus } from "../src/index.ts";
import { connectToNats, serverConfiguration } from "../src/nats/nats.examples.ts";
import { access, connectPlugin, serveBus } from "../src/websocket/websocket.examples.ts";
import { natsServer, natsServerProgram } from "./nats-server.ts";

describe("the examples of the README", () => {
  afterEach(() => {
    vi.restoreAllMocks();
    resetMessageBus();
  });

  it("connect a plugin to a server over a WebSocket", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const hub = new LocalHub();
    const seen: unknown[] = [];
    new MessageBus({ pluginId: "host", transport: hub }).subscribe("**", ({ source, payload }) =>
      seen.push([source, payload]),
    );
    await using api = await listen(createServer());
    serveBus(api.server, hub, (authorization) =>
      authorization === "Bearer secret" ? { pluginId: "fastapi-backend", access } : undefined,
    );

    await connectPlugin(api.url, async () => "secret");

    expect(seen).toEqual([["fastapi-backend", { status: "ready" }]]);
    expect(log.mock.calls).toContainEqual(["bus:", "open"]);
    expect(log.mock.calls).toContainEqual(["fastapi-backend", "left:", 1000, ""]);
  });

  it.skipIf(natsServerProgram === undefined)("connect a plugin to a nats-server with permissions", async () => {
    const { authorization } = JSON.parse(serverConfiguration("secret"));
    await using server = await natsServer(authorization);

    await expect(connectToNats(`127.0.0.1:${server.port}`, "secret")).resolves.toBeUndefined();
  });
});
