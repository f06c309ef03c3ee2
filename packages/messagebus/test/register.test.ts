import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

import { eventually, tempDir } from "@signalbox/testkit";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { MessageBus, RPCServer } from "../src/index.ts";
import { brokerWorld, type BrokerWorld } from "./websocket-world.ts";

describe("@signalbox/messagebus/register", () => {
  let world: BrokerWorld;
  beforeEach(async () => {
    world = await brokerWorld();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  it("lets a plugin that knows nothing of servers take part from its own process", async () => {
    await using directory = await tempDir();
    await writeFile(directory.file("token"), "fastapi-backend\n");
    const host = new MessageBus({ pluginId: "host", transport: world.hub });
    new RPCServer("plugin://host/rpc", { bus: host }).register("whoAmI", (_, { caller }) => caller);
    const statuses: unknown[] = [];
    host.subscribe("plugin/*/status", ({ source, payload }) => statuses.push({ source, payload }));

    const plugin = start("fastapi-backend", { SIGNALBOX_PLUGIN_TOKEN_FILE: directory.file("token") });

    await eventually(() => statuses.length === 1);
    expect(statuses).toEqual([{ source: "fastapi-backend", payload: { status: "ready" } }]);
    const answer = await host.request({ topic: "plugin/fastapi-backend/request", payload: 1 });
    expect(answer).toEqual({ result: 1, from: plugin.child.pid });
    expect(await host.call("plugin://fastapi-backend/rpc", "double", 21)).toBe(42);
    // Revoked, nothing holds the process any more.
    world.broker.revoke("fastapi-backend");
    const { output, errors } = await plugin.ended;
    expect(output).toBe("fastapi-backend\n");
    expect(errors).toContain("NOT_ADMITTED");
  });

  it("refuses a plugin whose id is not that of the credential", async () => {
    const plugin = start("somebody-else", { SIGNALBOX_PLUGIN_TOKEN: "fastapi-backend" });

    const { output } = await plugin.ended;

    expect(output).toBe(
      "InvalidPluginIdError the connection to the bus is that of plugin fastapi-backend; nobody can take part over it as somebody-else\n",
    );
  });

  it("refuses a plugin whose id is not the one that it was started for, before it connects", async () => {
    const settings = { SIGNALBOX_PLUGIN_TOKEN: "fastapi-backend", SIGNALBOX_PLUGIN_ID: "fastapi-backend" };

    const { errors, code } = await start("somebody-else", settings).ended;

    expect(errors).toContain("InvalidPluginIdError");
    expect(code).toBe(1);
    expect(world.broker.plugins).toEqual([]);
  });

  it("says that a credential was refused", async () => {
    const { output } = await start("thief", { SIGNALBOX_PLUGIN_TOKEN: "stolen" }).ended;

    expect(output).toMatch(/^NotAdmittedError .* 401\n$/);
  });

  it.each([
    ["SIGNALBOX_BUS_URL", { SIGNALBOX_BUS_URL: "", SIGNALBOX_PLUGIN_TOKEN: "x" }],
    ["SIGNALBOX_PLUGIN_TOKEN_FILE", {}],
    ["ENOENT", { SIGNALBOX_PLUGIN_TOKEN_FILE: "/does/not/exist" }],
    ["wss", { SIGNALBOX_BUS_URL: "http://signalbox.example/bus", SIGNALBOX_PLUGIN_TOKEN: "x" }],
  ])("ends the process at once, and says %s, when the settings cannot be", async (word, settings) => {
    const { errors, code } = await start("plugin", settings).ended;

    expect(errors).toContain(word);
    expect(code).toBe(1);
  });

  it("refuses worker threads, whose connections would take the plugin's place", async () => {
    const settings = { SIGNALBOX_PLUGIN_TOKEN: "fastapi-backend" };

    const { output } = await start("fastapi-backend", settings, "thread.ts").ended;

    expect(output).toMatch(/^NotAdmittedError .* main thread/);
    expect(world.broker.plugins).toEqual([]);
  });

  function start(id: string, settings: Readonly<Record<string, string>>, script = "plugin.ts") {
    const args = ["--import", "@signalbox/messagebus/register", `test/fixtures/${script}`, id];
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL("..", import.meta.url)),
      env: { PATH: process.env["PATH"], SIGNALBOX_BUS_URL: world.url, ...settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const ended = Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]).then(
      ([output, errors, [code]]) => ({ output, errors, code: code as number }),
    );
    return { child, ended };
  }
});
