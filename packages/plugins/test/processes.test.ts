import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { RPCClient } from "@signalbox/messagebus";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { PluginHost, PluginRouter, processLauncher } from "../src/index.ts";
import type { PluginHostOptions, ProcessLauncherOptions } from "../src/index.ts";
import { busServer } from "./_support/bus-server.ts";
import { fixtures } from "./_support/fixtures.ts";
import { pluginFolders } from "./_support/plugin-folders.ts";
import type { PluginFiles } from "./_support/plugin-folders.ts";

const PATH = process.env["PATH"] ?? "";

describe("a plugin in its own process", () => {
  it("starts, is routed to over the bus, serves RPC and stops in good order", async () => {
    const { host, system, router } = await world();

    await host.start("echo");
    const result = await router.dispatch({ requestId: "r1", text: "echo this" }, { payload: { n: 1 } });
    const client = new RPCClient("plugin://echo/rpc", { bus: system });
    await eventually(async () => (await client.call("get_status")).decisions.length === 1);
    const { pid } = host.plugin("echo");
    await host.stop("echo");

    expect(result).toMatchObject({ pluginId: "echo", response: { status: "success", result: { n: 1 } } });
    expect(pid).toBeGreaterThan(1);
    expect(isThere(pid)).toBe(false);
    expect(host.logs("echo").map(({ text }) => text)).toEqual(["[Echo] Starting...", "[Echo] Stopping..."]);
    expect(host.plugin("echo")).toMatchObject({ state: "stopped", pid: undefined });
  });

  it("may be CommonJS that starts itself as the guide's does", async () => {
    const { host, router } = await world();

    await host.start("legacy");

    const result = await router.dispatch({ requestId: "r1", text: "the legacy one" });
    expect(result.response).toEqual({ status: "success", from: "CommonJS" });
  });

  it("has nothing in its environment but what it was given, and its token in a file for its eyes only", async () => {
    process.env["SIGNALBOX_TEST_SECRET"] = "of the host";
    onTestFinished(() => void delete process.env["SIGNALBOX_TEST_SECRET"]);
    const { host, system, server } = await world({ environment: { PATH, GREETING: "hello" } });
    await host.start("echo");

    const { env, cwd } = await system.request({ topic: "plugin/echo/request", payload: { command: "environment" } });

    expect(Object.keys(env).toSorted()).toEqual([
      "GREETING",
      "HOME",
      "PATH",
      "SIGNALBOX_BUS_URL",
      "SIGNALBOX_PLUGIN_GRACE_MS",
      "SIGNALBOX_PLUGIN_HOME",
      "SIGNALBOX_PLUGIN_ID",
      "SIGNALBOX_PLUGIN_TOKEN_FILE",
      "TMPDIR",
    ]);
    expect([env.GREETING, env.SIGNALBOX_PLUGIN_ID, cwd]).toEqual(["hello", "echo", `${fixtures}/echo`]);
    const token = await readFile(env.SIGNALBOX_PLUGIN_TOKEN_FILE, "utf8");
    expect([...server.issued.keys()]).toEqual([token]);
    expect(statSync(env.SIGNALBOX_PLUGIN_TOKEN_FILE).mode & 0o777).toBe(0o600);
    expect(statSync(env.HOME).mode & 0o777).toBe(0o700);
    const commandLine = await readFile(`/proc/${host.plugin("echo").pid}/cmdline`, "utf8");
    expect(commandLine).not.toContain(token);

    await host.stop("echo");

    expect([existsSync(env.HOME), server.issued.size]).toEqual([false, 0]);
  });

  it("can do on the bus what its approved manifest says, and no more", async () => {
    const { host, system } = await world();
    await host.start("echo");
    const publish = (topic: string) =>
      system.request({ topic: "plugin/echo/request", payload: { command: "publish", topic } });

    expect(await publish("orchestration/task-complete")).toBe("published");
    expect(await publish("plugin/echo/anything")).toBe("published");
    expect(await publish("orchestration/other")).toBe("FORBIDDEN_TOPIC");
    expect(await publish("plugin/legacy/events")).toBe("FORBIDDEN_TOPIC");
    expect(await publish("system/broadcast")).toBe("RESERVED_TOPIC");
  });

  it("is started again when it crashes, with a new token", async () => {
    const { host, system, server } = await world();
    await host.start("echo");
    const [before] = server.issued.keys();
    const { pid } = host.plugin("echo");

    const crashing = system.request({ topic: "plugin/echo/request", payload: { command: "crash" } });

    await expect(crashing).rejects.toThrow();
    await eventually(() => host.plugin("echo").state === "running" && host.plugin("echo").pid !== pid);
    expect(host.plugin("echo")).toMatchObject({
      restarts: 1,
      lastFailure: { message: "plugin echo ended by itself: exit code 3" },
    });
    expect([...server.issued.keys()]).not.toContain(before);
    expect(host.logs("echo").map(({ stream, text }) => [stream, text])).toContainEqual([
      "stderr",
      "[Echo] Crashing...",
    ]);
    await expect(system.request({ topic: "plugin/echo/request" })).resolves.toMatchObject({ status: "success" });
  });

  it("is killed with everything that it started when it does not stop", async () => {
    const { host } = await world({}, { settings: { stopGraceMs: 100 } });
    await host.start("stubborn");
    const child = await eventually(() => {
      const line = host.logs("stubborn").find(({ text }) => text.startsWith("child "));
      return Number(line?.text.slice("child ".length));
    });
    const { pid } = host.plugin("stubborn");
    expect([isThere(pid), isThere(child)]).toEqual([true, true]);

    await host.stop("stubborn");

    expect(host.plugin("stubborn").state).toBe("stopped");
    await eventually(() => !isThere(pid) && !isThere(child));
    expect(host.logs("stubborn").map(({ text }) => text)).toContain("not yet");
  });

  it("takes what it started with it when it ends by itself", async () => {
    const { host, system } = await world({}, { settings: { restart: { restarts: 0 } } });
    await host.start("echo");
    const { pid } = await system.request({ topic: "plugin/echo/request", payload: { command: "spawn" } });
    expect(isThere(pid)).toBe(true);

    await system.request({ topic: "plugin/echo/request", payload: { command: "crash" } }).catch(() => {});

    await eventually(() => host.plugin("echo").state === "failed" && !isThere(pid));
  });

  it("is ready as soon as it runs, and gets no token, where its manifest wants nothing of the bus", async () => {
    const { host, server } = await world();

    await host.start("silent");

    expect(server.issued.size).toBe(0);
    await eventually(() => host.logs("silent").map(({ text }) => text)[0] === "url undefined");
  });

  it.each<[what: string, plugin: PluginFiles, message: string]>([
    ["throws", { files: { "lib/plugin-bootstrap.mjs": "throw new Error('no disk')" } }, "exit code 1"],
    ["does nothing", {}, "exit code 0 (its entry point is to start itself where it is the main program)"],
    [
      "kills itself",
      { files: { "lib/plugin-bootstrap.mjs": "process.kill(process.pid, 'SIGKILL')" } },
      "signal SIGKILL",
    ],
  ])("fails where it %s before it is ready", async (_what, plugin, message) => {
    await using dir = await pluginFolders({ a: plugin });
    const { host } = await world({}, { settings: { restart: { restarts: 0 } } }, dir.path);

    await expect(host.start("a")).rejects.toThrow(`plugin a ended before it was ready: ${message}`);

    expect(host.plugin("a").state).toBe("failed");
  });

  it("fails where no process can be made", async () => {
    const { host } = await world({ nodeArguments: ["--no-such-option"] }, { settings: { restart: { restarts: 0 } } });

    await expect(host.start("legacy")).rejects.toThrow("exit code 9");

    expect(
      host
        .logs("legacy")
        .map(({ text }) => text)
        .join(),
    ).toContain("--no-such-option");
  });

  it.each([
    ["is asked to end", "echo", 60_000],
    ["ends, where it does not listen,", "silent", 60_000],
    ["is killed with what it started, where it does not,", "stubborn", 100],
  ])("%s when its host is gone, however that came", async (_what, name, graceMs) => {
    const script = `${import.meta.dirname}/_support/lonely-host.ts`;
    const host = spawn(process.execPath, [script, name, String(graceMs)], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface({ input: host.stdout }), "line");
    const pids: number[] = JSON.parse(line);
    onTestFinished(() => {
      for (const pid of pids) if (isThere(pid)) process.kill(pid, "SIGKILL");
    });
    expect(pids.map(isThere)).toEqual(pids.map(() => true));
    const home = /SIGNALBOX_PLUGIN_HOME=([^\0]+)/.exec(readFileSync(`/proc/${pids[0]}/environ`, "utf8"))?.[1] ?? "";
    expect(existsSync(home)).toBe(true);

    host.kill("SIGKILL");

    await eventually(() => !pids.some(isThere));
    expect(existsSync(home)).toBe(false);
  });
});

/** A server with a bus, a host of the fixtures, and a router before them. */
async function world(
  launcher: Partial<ProcessLauncherOptions> = {},
  options: Partial<PluginHostOptions> = {},
  folder = fixtures,
) {
  const server = await busServer();
  const { system, issueCredential } = server;
  const host = new PluginHost({
    bus: system,
    launcher: processLauncher({ issueCredential, environment: { PATH }, ...launcher }),
    isApproved: () => true,
    random: () => 0,
    ...options,
  });
  onTestFinished(async () => {
    await host[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  await host.discover(folder);
  const router = new PluginRouter({ registry: host.registry, bus: system });
  return { server, host, system, router };
}

/** Whether a process runs; one that has ended and was not waited for does not. */
function isThere(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
