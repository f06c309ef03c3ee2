import { request } from "node:http";

import { describe, expect, it } from "vitest";

import { readServerConfig, type ServerConfig } from "./config.ts";
import { openPluginDoor, type PluginUpgrade } from "./plugin-door.ts";

const TLS = { cert: "certificate", key: "key" };
const nobody: PluginUpgrade = () => false;

function config(over: Partial<ServerConfig>): ServerConfig {
  return readServerConfig({}, { behindProxy: true, ...over });
}

/** Offers an upgrade and resolves to the status of the answer; 0 where the connection was cut. */
async function knock(url: string, headers: Record<string, string> = {}): Promise<number> {
  const { port, pathname } = new URL(url);
  return await new Promise((resolve) => {
    const asking = request({
      host: "127.0.0.1",
      port,
      path: pathname,
      headers: { Connection: "Upgrade", Upgrade: "websocket", ...headers },
    });
    asking.once("response", (response) => resolve(response.resume().statusCode ?? 0));
    asking.once("upgrade", (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    asking.once("error", () => resolve(0));
    asking.end();
  });
}

describe("the way of this machine's plugins to the bus", () => {
  it.each([
    ["localhost", "ws://127.0.0.1:4000/api/v1/bus"],
    ["127.0.0.1", "ws://127.0.0.1:4000/api/v1/bus"],
    ["127.1.2.3", "ws://127.1.2.3:4000/api/v1/bus"],
    ["::1", "ws://[::1]:4000/api/v1/bus"],
    ["0.0.0.0", "ws://127.0.0.1:4000/api/v1/bus"],
    ["::", "ws://127.0.0.1:4000/api/v1/bus"],
  ])("is the server's own port when it listens on %s", async (host, url) => {
    const door = await openPluginDoor(config({ host }), 4_000, nobody);

    expect(door.url).toBe(url);
    await door.close();
  });

  it.each<[string, Partial<ServerConfig>]>([
    ["speaks TLS, whose certificate is for another name", { host: "localhost", tls: TLS }],
    ["listens on one address of a network", { host: "192.0.2.1" }],
    ["listens under a name", { host: "box.example.com" }],
  ])("is a port of its own on the loopback address when the server %s", async (_, over) => {
    const door = await openPluginDoor(config(over), 4_000, nobody);

    expect(door.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/api\/v1\/bus$/);
    expect(new URL(door.url).port).not.toBe("4000");
    await door.close();
  });

  it("of its own takes the sockets of plugins and nothing else", async () => {
    const taken: string[] = [];
    const door = await openPluginDoor(config({ host: "localhost", tls: TLS }), 4_000, ({ url }, socket) => {
      taken.push(url ?? "");
      socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      return true;
    });

    expect(await knock(door.url)).toBe(101);
    expect(await knock(door.url, { Host: "evil.example" })).toBe(0);
    expect(await knock(door.url, { Origin: "http://evil.example" })).toBe(0);
    expect((await fetch(door.url.replace("ws:", "http:"))).status).toBe(404);
    expect(taken).toEqual(["/api/v1/bus"]);
    await door.close();
    expect(await knock(door.url)).toBe(0);
  });
});
