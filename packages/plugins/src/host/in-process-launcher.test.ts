import { getMessageBus, getSystemBus, NoResponderError, resetMessageBus, RPCClient } from "@signalbox/messagebus";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { fixtures } from "../../test/_support/fixtures.ts";
import { pluginFolders } from "../../test/_support/plugin-folders.ts";
import type { PluginFiles } from "../../test/_support/plugin-folders.ts";
import { inProcessLauncher } from "./in-process-launcher.ts";
import { PluginHost } from "./plugin-host.ts";

beforeEach(() => resetMessageBus());

const BOOTSTRAP = "lib/plugin-bootstrap.mjs";

describe("inProcessLauncher", () => {
  it("starts the exported class, which is ready when start() has resolved, and stops it", async () => {
    const host = await hostOf(fixtures);

    await host.start("echo");
    const status = await new RPCClient("plugin://echo/rpc").call("get_status");
    const answer = await getSystemBus().request({ topic: "plugin/echo/request", payload: { n: 1 } });
    await host.stop("echo");

    expect(status).toMatchObject({ status: "running" });
    expect(answer).toEqual({ status: "success", result: { n: 1 } });
    expect(host.plugin("echo").state).toBe("stopped");
    // The guide's stop() forgets its RPC server; the host does not.
    await expect(new RPCClient("plugin://echo/rpc").call("get_status")).rejects.toThrow(NoResponderError);
  });

  it("starts it again after it was stopped", async () => {
    const host = await hostOf(fixtures);

    await host.start("echo");
    await host.restart("echo");

    await expect(getSystemBus().request({ topic: "plugin/echo/request" })).resolves.toMatchObject({
      status: "success",
    });
  });

  it("starts a CommonJS module, which does not start itself", async () => {
    const host = await hostOf(fixtures);

    await host.start("legacy");

    await expect(getSystemBus().request({ topic: "plugin/legacy/request" })).resolves.toMatchObject({
      from: "CommonJS",
    });
  });

  it.each<[string, string]>([
    [
      "functions",
      "export const start = () => { globalThis.inProcess.push('functions') }; export const stop = () => {};",
    ],
    ["a default object", "export default { start() { globalThis.inProcess.push('object') } };"],
    [
      "a default class among others",
      "export class B { start() {} } export default class { start() { globalThis.inProcess.push('class') } }",
    ],
  ])("takes %s", async (_what, code) => {
    const started: string[] = [];
    Object.assign(globalThis, { inProcess: started });
    const host = await hostOfPlugin({ files: { [BOOTSTRAP]: code } });

    await host.start("a");

    expect(started).toHaveLength(1);
    await host.stop("a");
    expect(host.plugin("a").state).toBe("stopped");
  });

  it.each<[string, string, string]>([
    ["nothing to start", "export const answer = 42;", "exports nothing with start() and stop()"],
    [
      "two things to start",
      "export class A { start() {} } export class B { start() {} }",
      "exports more than one thing",
    ],
    ["code that throws", "throw new Error('at load');", "at load"],
    [
      "a start() that rejects",
      "export const start = async () => { throw new Error('no disk') };",
      "start() failed: no disk",
    ],
    ["a start() that throws", "export const start = () => { throw new Error('no disk') };", "start() failed: no disk"],
  ])("fails with %s", async (_what, code, message) => {
    const host = await hostOfPlugin({ files: { [BOOTSTRAP]: code } });

    await expect(host.start("a")).rejects.toThrow(message);
    expect(host.plugin("a").state).toBe("failed");
  });

  it("says so when stop() fails, and ends the plugin all the same", async () => {
    const code = "export const start = () => {}; export const stop = () => { throw new Error('stuck') };";
    const host = await hostOfPlugin({ files: { [BOOTSTRAP]: code } });
    await host.start("a");

    await host.stop("a");

    expect(host.plugin("a").state).toBe("stopped");
    expect(host.logs("a").map(({ text }) => text)).toEqual(["stop() failed: stuck"]);
  });

  it("cuts a plugin off from the bus that does not stop", async () => {
    const code = "export const start = () => {}; export const stop = () => new Promise(() => {});";
    const host = await hostOfPlugin({ files: { [BOOTSTRAP]: code } });
    await host.start("a");
    getMessageBus("a").subscribe("plugin/a/request", () => {});

    await host.stop("a");

    expect(host.plugin("a").state).toBe("stopped");
    await expect(getSystemBus().request({ topic: "plugin/a/request" })).rejects.toThrow(NoResponderError);
  });
});

async function hostOf(folder: string): Promise<PluginHost> {
  const host = new PluginHost({
    bus: getSystemBus(),
    launcher: inProcessLauncher(),
    isApproved: () => true,
    settings: { stopGraceMs: 50, restart: { restarts: 0 } },
  });
  await host.discover(folder);
  onTestFinished(() => host[Symbol.asyncDispose]());
  return host;
}

async function hostOfPlugin(plugin: PluginFiles): Promise<PluginHost> {
  const dir = await pluginFolders({ a: plugin });
  onTestFinished(() => dir[Symbol.asyncDispose]());
  return await hostOf(dir.path);
}
