import { writeFile } from "node:fs/promises";

import { limit, type Plugin } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { pluginFolder, type PluginFolder } from "../../test/_support/plugin-folder.ts";
import { silentLogger } from "../logger.ts";
import { approvedPlugin, manifestOf, serveBus } from "../../test/_support/plugins.ts";
import { dataOf, Rig } from "../../test/_support/rig.ts";

/** A control plane that runs the plugins of a folder, one of which is `crier`. */
class Theatre implements AsyncDisposable {
  readonly rig: Rig;
  readonly folder: PluginFolder;
  readonly #opened: AsyncDisposableStack;

  private constructor(rig: Rig, folder: PluginFolder, opened: AsyncDisposableStack) {
    this.rig = rig;
    this.folder = folder;
    this.#opened = opened;
  }

  static async open({ isApproved = false } = {}): Promise<Theatre> {
    await using opening = new AsyncDisposableStack();
    const folder = opening.use(await pluginFolder(["crier"]));
    const rig = opening.use(await Rig.open());
    const server = opening.use(await serveBus(rig));
    await rig.plane.runPlugins({
      directory: folder.path,
      busUrl: server.url,
      environment: { PATH: process.env["PATH"] ?? "" },
    });
    // The plugins go before the server that they are connected to.
    opening.defer(() => rig.plane.drain());
    const theatre = new Theatre(rig, folder, opening.move());
    if (isApproved) {
      await theatre.approve();
      await theatre.until("running");
    }
    return theatre;
  }

  async crier(): Promise<Plugin> {
    return dataOf(await this.rig.plane.plugins.getPlugin("crier"));
  }

  async approve(): Promise<void> {
    const { manifestHash } = await this.crier();
    dataOf(await this.rig.plane.plugins.approvePlugin("crier", { manifestHash }));
  }

  /** Resolves to the plugin once its process is in a state. */
  async until(state: NonNullable<Plugin["process"]>["state"]): Promise<Plugin> {
    return await eventually(async () => {
      const plugin = await this.crier();
      return plugin.process?.state === state && plugin;
    });
  }

  /** Lets the server look into the folder. */
  scan(): void {
    this.rig.clock.advance(limit("plugins.scanMs"));
  }

  async ask(payload: Record<string, unknown>): Promise<unknown> {
    return dataOf(await this.rig.plane.plugins.dispatchRequest({ text: "crier", payload })).response;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }
}

describe("a plugin in the folder", () => {
  it("is known and does not run before somebody approves it", async () => {
    await using theatre = await Theatre.open();
    theatre.scan();

    const plugin = await theatre.crier();

    expect(plugin).toMatchObject({ state: "pending", origin: "folder", connected: false });
    expect(plugin.process).toEqual({ state: "stopped", restarts: 0 });
    expect((await theatre.rig.plane.plugins.startPlugin("crier")).error?.code).toBe("INVALID_STATE");
  });

  it("runs once it is approved, and answers what is routed to it", async () => {
    await using theatre = await Theatre.open();

    await theatre.approve();
    const running = await theatre.until("running");

    expect(running).toMatchObject({ state: "approved", connected: true, process: { pid: expect.any(Number) } });
    expect(await theatre.ask({ words: "hear, hear" })).toEqual({ said: "hear, hear", pid: running.process?.pid });
    const { lines } = dataOf(await theatre.rig.plane.plugins.readLog("crier"));
    expect(lines.map(({ stream, text }) => `${stream}: ${text}`)).toContain("stdout: hello from crier");
  });

  it("does not publish what is the host's", async () => {
    await using theatre = await Theatre.open({ isApproved: true });

    expect(await theatre.ask({ do: "forge" })).toEqual({ error: "RESERVED_TOPIC" });
  });

  // Red without the registration in `discovered`, or with `isApproved` that does not wait for it.
  it("waits again when its manifest changes on the disk, and what runs is stopped", async () => {
    await using theatre = await Theatre.open({ isApproved: true });

    await theatre.folder.writeManifest("crier", { version: "2.0.0" });
    theatre.scan();
    const stopped = await theatre.until("stopped");

    expect(stopped).toMatchObject({ state: "pending", version: "2.0.0", connected: false });
    theatre.scan();
    expect((await theatre.crier()).process?.state).toBe("stopped");
    await theatre.approve();
    await theatre.until("running");
  });

  it("is not started again under the old approval when it crashes after a change", async () => {
    await using theatre = await Theatre.open({ isApproved: true });
    const { process: before } = await theatre.crier();
    await theatre.folder.writeManifest("crier", { version: "2.0.0" });

    process.kill(before?.pid ?? 0, "SIGKILL");
    await theatre.until("waiting");
    await theatre.rig.pass(60_000);

    expect((await theatre.until("stopped")).state).toBe("pending");
  });

  // Red without the hash in `isApproved`: between the change and the next look into the folder the old approval stands.
  it("is not started with a manifest that nobody has looked at yet", async () => {
    await using theatre = await Theatre.open({ isApproved: true });
    const { process: before } = await theatre.crier();
    await theatre.folder.writeManifest("crier", { version: "2.0.0" });

    process.kill(before?.pid ?? 0, "SIGKILL");
    await theatre.until("waiting");
    theatre.rig.clock.advance(1_000);
    const refused = await theatre.until("stopped");

    expect(refused).toMatchObject({ state: "approved", version: "1.0.0", connected: false });
    theatre.scan();
    await eventually(async () => (await theatre.crier()).state === "pending");
  });

  it("is started again when its process is killed", async () => {
    await using theatre = await Theatre.open({ isApproved: true });
    const { process: before } = await theatre.crier();

    process.kill(before?.pid ?? 0, "SIGKILL");
    const waiting = await theatre.until("waiting");
    theatre.rig.clock.advance(1_000);
    const after = await theatre.until("running");

    expect(waiting.lastFailure?.message).toContain("SIGKILL");
    expect(after.process).toMatchObject({ restarts: 1 });
    expect(after.process?.pid).not.toBe(before?.pid);
    expect(await theatre.ask({ words: "again" })).toMatchObject({ said: "again" });
  });

  it("that is revoked has lost its connection when that resolves, and its process ends", async () => {
    await using theatre = await Theatre.open({ isApproved: true });

    dataOf(await theatre.rig.plane.plugins.revokePlugin("crier"));

    expect((await theatre.crier()).connected).toBe(false);
    await theatre.until("stopped");
    theatre.scan();
    expect((await theatre.crier()).process?.state).toBe("stopped");
  });

  it("is stopped and started by hand, and stays as it was left", async () => {
    await using theatre = await Theatre.open({ isApproved: true });
    const { plugins } = theatre.rig.plane;

    const stopped = dataOf(await plugins.stopPlugin("crier"));
    theatre.scan();
    expect([stopped.process?.state, (await theatre.crier()).process?.state]).toEqual(["stopped", "stopped"]);
    dataOf(await plugins.startPlugin("crier"));
    const { process: first } = await theatre.until("running");
    dataOf(await plugins.restartPlugin("crier"));
    const { process: second } = await theatre.until("running");

    expect(second?.pid).not.toBe(first?.pid);
  });

  it("cannot be registered from elsewhere meanwhile, and gets no token for elsewhere", async () => {
    await using theatre = await Theatre.open({ isApproved: true });
    const { plugins } = theatre.rig.plane;

    expect((await plugins.registerPlugin({ manifest: manifestOf("crier") })).error?.code).toBe("INVALID_STATE");
    expect((await plugins.createToken("crier")).error?.code).toBe("INVALID_STATE");
  });

  it("is told of when its manifest is none, with everything that is wrong", async () => {
    await using theatre = await Theatre.open();
    await writeFile(theatre.folder.file("crier", ".claude-plugin/plugin.json"), '{"name":"crier","version":1}');

    theatre.scan();

    const problems = await eventually(async () => {
      const list = dataOf(await theatre.rig.plane.plugins.listPlugins());
      return list.problems.length > 0 && list.problems;
    });
    expect(problems).toMatchObject([{ folder: theatre.folder.file("crier"), issues: [{ path: "version" }] }]);
  });

  it("that was approved to run elsewhere waits for approval to run here", async () => {
    await using folder = await pluginFolder(["crier"]);
    await using rig = await Rig.open();
    const { manifestHash } = dataOf(await rig.plane.plugins.registerPlugin({ manifest: manifestOf("crier") }));
    dataOf(await rig.plane.plugins.approvePlugin("crier", { manifestHash }));

    await rig.plane.runPlugins({ directory: folder.path, busUrl: "ws://127.0.0.1:1", environment: {} });

    const plugin = dataOf(await rig.plane.plugins.getPlugin("crier"));
    expect(plugin).toMatchObject({ state: "pending", origin: "folder", process: { state: "stopped" } });
  });
});

// Red without the origin in `isApproved`.
it("a plugin that may run elsewhere does not run here because its registration failed", async () => {
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, message: string) => warned.push(message) };
  await using folder = await pluginFolder(["crier"]);
  await using rig = await Rig.open({ logger });
  await approvedPlugin(rig, "crier");
  rig.failOnce("registerPlugin", new Error("the disk is gone"));

  await rig.plane.runPlugins({ directory: folder.path, busUrl: "ws://127.0.0.1:1", environment: {} });

  expect(warned).toContain("plugin may not run: nobody has approved its manifest");
  rig.clock.advance(limit("plugins.scanMs"));
  await eventually(async () => dataOf(await rig.plane.plugins.getPlugin("crier")).origin === "folder");
  expect(dataOf(await rig.plane.plugins.getPlugin("crier")).state).toBe("pending");
});

it("a plugins folder that is not there is an error at the start", async () => {
  await using rig = await Rig.open();

  await expect(
    rig.plane.runPlugins({ directory: "/nowhere/at/all", busUrl: "ws://127.0.0.1:1", environment: {} }),
  ).rejects.toThrow("ENOENT");
});
