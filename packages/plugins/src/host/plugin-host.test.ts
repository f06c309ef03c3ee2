import { rm } from "node:fs/promises";
import { getMessageBus, getSystemBus, resetMessageBus } from "@signalbox/messagebus";
import { eventually, ManualClock } from "@signalbox/testkit";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { pluginFolders, writePlugin } from "../../test/_support/plugin-folders.ts";
import { ScriptedLauncher } from "../../test/_support/scripted-launcher.ts";
import { ManifestError } from "../manifest/manifest-error.ts";
import {
  HostClosedError,
  PluginFailedError,
  PluginNotApprovedError,
  PluginStoppedError,
  UnknownPluginError,
} from "./host-errors.ts";
import type { HostEvents } from "./host-events.ts";
import { PluginHost } from "./plugin-host.ts";
import type { PluginHostOptions } from "./plugin-host.ts";

beforeEach(() => resetMessageBus());

describe("PluginHost.discover", () => {
  it("finds every folder with a manifest, and asks whether it may run", async () => {
    await using dir = await pluginFolders({ a: {}, b: {}, bad: { manifest: { version: "x" } }, "not-one": {} });
    await rm(dir.file("not-one", ".claude-plugin"), { recursive: true });
    const { host, events } = newHost({ isApproved: (name) => name === "a" });

    await host.discover(dir.path);

    expect(states(host)).toEqual({ a: "approved", b: "unapproved" });
    expect(host.broken()).toMatchObject([{ folder: dir.file("bad"), error: { code: "MANIFEST_INVALID" } }]);
    expect(events).toEqual(["broken", "discovered a", "discovered b", "unapproved b"]);
  });

  it("lets neither of two plugins of one name in", async () => {
    await using dir = await pluginFolders({ one: { manifest: { name: "twin" } }, two: { manifest: { name: "twin" } } });
    const { host } = newHost();

    await host.discover(dir.path);

    expect(host.plugins()).toEqual([]);
    expect(host.broken().map(({ error }) => error.message)).toEqual([
      expect.stringContaining('found "twin" in more than one folder'),
      expect.stringContaining('found "twin" in more than one folder'),
    ]);
  });

  it("takes up what changed and forgets what is gone, unless it runs", async () => {
    await using dir = await pluginFolders({ idle: {}, busy: {}, gone: {} });
    const { host, events } = newHost();
    await host.discover(dir.path);
    await host.start("busy");
    await writePlugin(dir.file("idle"), "idle", { manifest: { version: "2.0.0" } });
    await rm(dir.file("gone"), { recursive: true });
    await rm(dir.file("busy"), { recursive: true });
    events.length = 0;

    await host.discover(dir.path);

    expect(states(host)).toEqual({ busy: "running", idle: "approved" });
    expect(host.plugin("idle").plugin.manifest.version).toBe("2.0.0");
    expect(events).toEqual(["discovered idle"]);
    expect(host.registry.manifestOf("gone")).toBeUndefined();
  });

  it("tells news once, however often the folder is read", async () => {
    await using dir = await pluginFolders({ a: {}, bad: { manifest: { version: "x" } } });
    const { host, events } = newHost();

    await Promise.all([host.discover(dir.path), host.discover(dir.path)]);
    await host.start("a");
    await writePlugin(dir.file("a"), "a", { manifest: { version: "2.0.0" } });
    await host.discover(dir.path);
    await host.discover(dir.path);

    expect(events.filter((event) => !event.startsWith("started") && !event.startsWith("ready"))).toEqual([
      "broken",
      "discovered a",
      "discovered a",
    ]);
    expect(host.plugin("a").plugin.manifest.version).toBe("1.0.0");
  });

  it("rejects when the folder cannot be read", async () => {
    const { host } = newHost();

    await expect(host.discover("/nowhere/at/all")).rejects.toThrow("ENOENT");
  });
});

describe("PluginHost.start", () => {
  it("resolves when the plugin has said on the bus that it is ready", async () => {
    const { host, events, launcher } = await hostOf("a", { isReadyAtOnce: false });

    const starting = host.start("a");
    await eventually(() => states(host)["a"] === "starting" && launcher.launched.length === 1);
    expect(host.registry.plugins()[0]?.isRunning).toBe(false);
    await launcher.launched[0]?.announceReady();
    await starting;

    expect(states(host)).toEqual({ a: "running" });
    expect(host.registry.plugins()[0]?.isRunning).toBe(true);
    expect(events).toEqual(["started a", "ready a"]);
  });

  it("believes nobody who says it for another", async () => {
    const { host, launcher, clock } = await hostOf("a", { isReadyAtOnce: false });
    const starting = host.start("a");
    await eventually(() => launcher.launched.length === 1);

    await getMessageBus("b").publish({ topic: "plugin/a/status", payload: { status: "ready" } });
    await new Promise(setImmediate);
    clock.advance(30_000);

    await expect(starting).rejects.toThrow("did not say on plugin/a/status that it is ready");
  });

  it("does not start twice what runs already", async () => {
    const { host, launcher } = await hostOf("a");

    await Promise.all([host.start("a"), host.start("a")]);
    await host.start("a");

    expect(launcher.launched).toHaveLength(1);
  });

  it("refuses what is not approved, what is not known and what has become no plugin", async () => {
    await using dir = await pluginFolders({ a: {}, broken: {} });
    const { host } = newHost({ isApproved: (name) => name !== "a" });
    await host.discover(dir.path);
    await writePlugin(dir.file("broken"), "broken", { manifest: { version: 1 } });

    await expect(host.start("a")).rejects.toThrow(PluginNotApprovedError);
    await expect(host.start("nobody\u202e")).rejects.toThrow(UnknownPluginError);
    await expect(host.start("broken")).rejects.toThrow(ManifestError);

    expect(states(host)).toEqual({ a: "unapproved", broken: "failed" });
  });

  it("asks for approval of what lies there now, not of what was found", async () => {
    await using dir = await pluginFolders({ a: {} });
    const { host, launcher, events } = newHost({ isApproved: (_name, hash) => hash === approved });
    let approved = "";
    await host.discover(dir.path);
    approved = host.plugin("a").plugin.manifestHash;
    await host.review("a");
    await writePlugin(dir.file("a"), "a", { manifest: { routing: { canRouteTo: ["bank"] } } });

    await expect(host.start("a")).rejects.toThrow(PluginNotApprovedError);

    expect([states(host)["a"], launcher.launched.length]).toEqual(["unapproved", 0]);
    expect(events).toEqual(["discovered a", "unapproved a", "unapproved a"]);
    approved = host.plugin("a").plugin.manifestHash;
    await host.start("a");
    expect(states(host)).toEqual({ a: "running" });
  });

  it("refuses a plugin that has taken another name", async () => {
    await using dir = await pluginFolders({ a: {} });
    const { host } = newHost();
    await host.discover(dir.path);
    await writePlugin(dir.file("a"), "a", { manifest: { name: "b" } });

    await expect(host.start("a")).rejects.toThrow('name: wanted "a", found "b"');
  });

  it("fails a plugin that does not become ready in time, and tries again later", async () => {
    const { host, launcher, clock } = await hostOf("a", { isReadyAtOnce: false });
    const starting = host.start("a");
    await eventually(() => launcher.launched.length === 1);

    clock.advance(30_000);

    await expect(starting).rejects.toThrow("did not say on plugin/a/status that it is ready within 30000 ms");
    expect(states(host)).toEqual({ a: "waiting" });
    expect(launcher.launched[0]?.asked).toEqual(["stop", "kill"]);
    launcher.options = {};
    clock.advance(1_000);
    await eventually(() => states(host)["a"] === "running");
    expect(host.plugin("a")).toMatchObject({ restarts: 1, lastFailure: { message: expect.stringContaining("ready") } });
  });

  it("fails a plugin that ends before it is ready", async () => {
    const { host, launcher } = await hostOf("a", { isReadyAtOnce: false });
    const starting = host.start("a");
    await eventually(() => launcher.launched.length === 1);

    launcher.launched[0]?.crash("exit code 3");

    await expect(starting).rejects.toThrow("plugin a ended before it was ready: exit code 3");
  });
});

describe("a plugin that crashes", () => {
  it("is started again, after a delay that grows, until it has crashed too often", async () => {
    const { host, launcher, clock, events } = await hostOf("a", {}, { settings: { restart: { restarts: 3 } } });
    await host.start("a");
    const delays: (number | undefined)[] = [];
    host.on("failed", ({ retryInMs }) => void delays.push(retryInMs));

    for (let i = 0; i < 4; i++) {
      launcher.launched.at(-1)?.crash();
      await eventually(() => delays.length === i + 1);
      clock.advance(delays[i] ?? 0);
      await eventually(() => i === 3 || (states(host)["a"] === "running" && launcher.launched.length === i + 2));
    }

    // The random numbers of this host are all 0: half of the ceiling.
    expect(delays).toEqual([500, 1_000, 2_000, undefined]);
    expect(states(host)).toEqual({ a: "failed" });
    expect(host.registry.plugins()[0]?.isRunning).toBe(false);
    expect(events.filter((event) => event === "started a")).toHaveLength(4);
    expect(host.logs("a").at(-1)).toMatchObject({
      stream: "host",
      text: expect.stringContaining("is not started again"),
    });
  });

  it("is forgiven what happened long ago", async () => {
    const { host, launcher, clock } = await hostOf("a", {}, { settings: { restart: { restarts: 1 } } });
    await host.start("a");

    for (let i = 0; i < 3; i++) {
      launcher.launched.at(-1)?.crash();
      await eventually(() => states(host)["a"] === "waiting");
      clock.advance(1_000);
      await eventually(() => states(host)["a"] === "running");
      clock.advance(300_000);
    }

    expect(host.plugin("a").restarts).toBe(3);
  });

  it("can be stopped while it waits to be started again", async () => {
    const { host, launcher, events } = await hostOf("a");
    await host.start("a");
    launcher.launched[0]?.crash();
    await eventually(() => states(host)["a"] === "waiting");

    await host.stop("a");

    expect(states(host)).toEqual({ a: "stopped" });
    expect(events.at(-1)).toBe("stopped a");
  });

  it("is not started again with a manifest that nobody approved", async () => {
    await using dir = await pluginFolders({ a: {} });
    let approved: string | undefined;
    const { host, launcher, clock } = newHost({ isApproved: (_name, hash) => (approved ??= hash) === hash });
    await host.discover(dir.path);
    await host.start("a");
    await writePlugin(dir.file("a"), "a", { manifest: { version: "6.6.6" } });

    launcher.launched[0]?.crash();
    await eventually(() => states(host)["a"] === "waiting");
    clock.advance(1_000);

    await eventually(() => states(host)["a"] === "unapproved");
    expect(launcher.launched).toHaveLength(1);
  });
});

describe("PluginHost.stop", () => {
  it("asks, and kills what was left behind", async () => {
    const { host, launcher, events } = await hostOf("a");
    await host.start("a");

    await host.stop("a");

    expect(launcher.launched[0]?.asked).toEqual(["stop", "kill"]);
    expect(states(host)).toEqual({ a: "stopped" });
    expect(events).toEqual(["started a", "ready a", "stopped a"]);
  });

  it("kills a plugin that does not end within its grace", async () => {
    const { host, launcher, clock } = await hostOf("a", { hangs: true });
    await host.start("a");

    const stopping = host.stop("a");
    await eventually(() => launcher.launched[0]?.asked.length === 1);
    expect(states(host)).toEqual({ a: "stopping" });
    clock.advance(10_000);
    await stopping;

    expect(launcher.launched[0]?.asked).toEqual(["stop", "kill"]);
    expect(host.logs("a").at(-1)?.text).toBe("it did not stop within 10000 ms and is killed");
  });

  it("says when not even that helped", async () => {
    const { host, launcher, clock } = await hostOf("a", { isStuck: true });
    await host.start("a");

    const stopping = host.stop("a");
    await eventually(() => launcher.launched[0]?.asked.length === 1);
    clock.advance(10_000);
    await eventually(() => launcher.launched[0]?.asked.length === 2);
    clock.advance(5_000);
    await stopping;

    expect(host.plugin("a")).toMatchObject({
      state: "failed",
      lastFailure: { message: "plugin a is still there 5000 ms after it was killed" },
    });
  });

  it("ends a start that is under way", async () => {
    const { host, launcher } = await hostOf("a", { isReadyAtOnce: false });
    const starting = host.start("a");
    await eventually(() => launcher.launched.length === 1);

    await host.stop("a");

    await expect(starting).rejects.toThrow(PluginStoppedError);
    expect(states(host)).toEqual({ a: "stopped" });
  });

  it("does nothing to a plugin that does not run", async () => {
    const { host, events } = await hostOf("a");

    await host.stop("a");

    expect([states(host)["a"], events]).toEqual(["approved", []]);
  });

  it("is waited for by a start that comes in between", async () => {
    const { host, launcher } = await hostOf("a");
    await host.start("a");

    await Promise.all([host.stop("a"), host.start("a")]);

    expect([states(host)["a"], launcher.launched.length]).toEqual(["running", 2]);
  });

  it("and start make a restart", async () => {
    const { host, launcher } = await hostOf("a");
    await host.start("a");

    await host.restart("a");

    expect([states(host)["a"], launcher.launched.length]).toEqual(["running", 2]);
  });
});

describe("PluginHost.review", () => {
  it("stops a plugin that may not run any more, and lets it back in", async () => {
    await using dir = await pluginFolders({ a: {} });
    let isApproved = true;
    const { host } = newHost({ isApproved: () => isApproved });
    await host.discover(dir.path);
    await host.start("a");

    isApproved = false;
    await host.review("a");
    expect(states(host)).toEqual({ a: "unapproved" });
    isApproved = true;
    await host.review("a");

    expect(states(host)).toEqual({ a: "approved" });
  });
});

describe("PluginHost.startAll and stopAll", () => {
  it("start whoever is routed to first, and stop it last", async () => {
    await using dir = await pluginFolders({
      boss: { manifest: { routing: { canRouteTo: ["leaf"] } } },
      leaf: {},
      unapproved: {},
    });
    const { host, events } = newHost({ isApproved: (name) => name !== "unapproved" });
    await host.discover(dir.path);
    events.length = 0;

    const results = await host.startAll();
    await host.stopAll();

    expect(results).toEqual([{ pluginId: "leaf" }, { pluginId: "boss" }]);
    expect(events).toEqual([
      "started leaf",
      "ready leaf",
      "started boss",
      "ready boss",
      "stopped boss",
      "stopped leaf",
    ]);
  });

  it("tell of each how it fared", async () => {
    await using dir = await pluginFolders({ bad: {}, good: {} });
    const { host, launcher } = newHost({ settings: { restart: { restarts: 0 } } });
    await host.discover(dir.path);
    await writePlugin(dir.file("bad"), "bad", { manifest: { version: "" } });

    const results = await host.startAll();

    expect(results).toMatchObject([{ pluginId: "bad", error: { code: "MANIFEST_INVALID" } }, { pluginId: "good" }]);
    expect(launcher.launched.map(({ pluginId }) => pluginId)).toEqual(["good"]);
  });
});

describe("PluginHost", () => {
  it("stops everything when it is disposed of, and does nothing after that", async () => {
    const { host, launcher } = await hostOf("a");
    await host.start("a");

    await host[Symbol.asyncDispose]();

    expect(launcher.launched[0]?.asked).toEqual(["stop", "kill"]);
    await expect(host.start("a")).rejects.toThrow(HostClosedError);
    await expect(host.discover(".")).rejects.toThrow(HostClosedError);
  });

  it("is not hurt by a listener that throws", async () => {
    const { host } = await hostOf("a");
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => void warnings.push(message);
    process.on("warning", onWarning);
    host.on("started", () => {
      throw new Error("deaf");
    });

    await host.start("a");

    await eventually(() => warnings.length === 1);
    process.off("warning", onWarning);
    expect(warnings[0]).toContain("a listener of the event started failed: Error: deaf");
  });

  it("refuses settings that cannot be", () => {
    expect(() => newHost({ settings: { readyMs: 0 } })).toThrow("readyMs cannot be 0");
    expect(() => newHost({ settings: { restart: { restarts: -1 } } })).toThrow("restarts cannot be -1");
  });

  it("reports a plugin whose launcher cannot start it", async () => {
    await using dir = await pluginFolders({ a: {} });
    const launcher = { launch: () => Promise.reject(new PluginFailedError("a", "has no legs")) };
    const { host } = newHost({ launcher, settings: { restart: { restarts: 0 } } });
    await host.discover(dir.path);

    await expect(host.start("a")).rejects.toThrow("plugin a has no legs");

    expect(states(host)).toEqual({ a: "failed" });
  });
});

/** A host that approves of everything and starts scripts, on a clock that stands still, with a record of what it tells. */
function newHost(options: Partial<PluginHostOptions> = {}) {
  const clock = new ManualClock();
  const launcher = new ScriptedLauncher();
  const host = new PluginHost({
    bus: getSystemBus(),
    launcher,
    isApproved: () => true,
    clock,
    random: () => 0,
    ...options,
  });
  const events: string[] = [];
  const names: (keyof HostEvents)[] = ["discovered", "broken", "unapproved", "started", "ready", "stopped", "failed"];
  for (const name of names) {
    host.on(name, (event) => void events.push("pluginId" in event ? `${name} ${event.pluginId}` : name));
  }
  return { host, clock, launcher, events };
}

/** One that has discovered a plugin. */
async function hostOf(
  name: string,
  scripted: ConstructorParameters<typeof ScriptedLauncher>[0] = {},
  options: Partial<PluginHostOptions> = {},
) {
  const dir = await pluginFolders({ [name]: {} });
  onTestFinished(() => dir[Symbol.asyncDispose]());
  const parts = newHost(options);
  parts.launcher.options = scripted;
  await parts.host.discover(dir.path);
  parts.events.length = 0;
  return parts;
}

function states(host: PluginHost): Record<string, string> {
  return Object.fromEntries(host.plugins().map(({ pluginId, state }) => [pluginId, state]));
}
