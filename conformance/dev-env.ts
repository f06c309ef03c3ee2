import { createServer, type AddressInfo } from "node:net";

import type { Client } from "@signalbox/client";
import type { LimitOverrides } from "@signalbox/protocol";
import { readServerConfig, startServer, type RunningServer } from "@signalbox/server-app";
import { tempDir, type TempDir } from "@signalbox/testkit";
import { onTestFailed, onTestFinished } from "vitest";

import { FaultProxy } from "./_support/fault-proxy.ts";
import { RunnerProcess, type RunnerSettings } from "./_support/runner-process.ts";
import { ServerProcess } from "./_support/server-process.ts";

/** What a runner of an environment is told beside where its data is. `labels` come from its enrolment. */
export type RunnerOptions = Partial<Omit<RunnerSettings, "dataDir" | "enrolmentToken">> & {
  readonly labels?: Readonly<Record<string, string>>;
};

export interface DevEnvOptions {
  /** Runners to begin with. Default 1. */
  readonly runners?: number;
  /** Holds for each of them. */
  readonly runner?: RunnerOptions;
  /** Default: the product's, but for the polite end of a cancel, which is short. */
  readonly limits?: LimitOverrides;
  /** Ports of proxies by which the server may be asked as well. */
  readonly doors?: readonly number[];
  /** Where the server keeps its data. Default: a folder of the environment's own. */
  readonly serverDataDir?: string;
  /** More environment entries of the server. */
  readonly serverEnv?: Record<string, string>;
}

/** A lease of two seconds: what waits for one to end takes a moment only. */
export const SHORT_LEASES: LimitOverrides = {
  "lease.ttlMs": 2_000,
  "lease.renewMs": 400,
  "lease.graceMs": 400,
  "runner.heartbeatMs": 500,
  "runner.offlineMs": 1_500,
  "offer.ttlMs": 1_000,
  "cancel.graceMs": 1_000,
};

/** The real server and real runners as processes, on free ports and data of their own; gone when disposed of. */
export class DevEnv implements AsyncDisposable {
  readonly dir: TempDir;
  readonly server: ServerProcess;
  readonly runners: RunnerProcess[] = [];
  readonly #runnerOptions: RunnerOptions;
  readonly #others = new AsyncDisposableStack();

  constructor(dir: TempDir, server: ServerProcess, runnerOptions: RunnerOptions) {
    this.dir = dir;
    this.server = server;
    this.#runnerOptions = runnerOptions;
  }

  /** A client with the admin's token. */
  get client(): Client {
    return this.server.client();
  }

  /** The first runner. */
  get runner(): RunnerProcess {
    const [first] = this.runners;
    if (!first) throw new Error("this environment has no runner");
    return first;
  }

  /** Enrols one more runner and starts it; resolves when it is connected. */
  async addRunner(options: RunnerOptions = {}): Promise<RunnerProcess> {
    const { labels = {}, ...own } = { ...this.#runnerOptions, ...options };
    const { token } = await this.client.runners.createEnrolmentToken({ labels });
    const dataDir = this.dir.file(`runner-${this.runners.length}`);
    const runner = new RunnerProcess({ url: this.server.url, ...own, dataDir, enrolmentToken: token });
    this.runners.push(runner);
    await runner.start();
    return runner;
  }

  /** Closes something else together with this environment. */
  use(resource: AsyncDisposable): void {
    this.#others.use(resource);
  }

  /** What all of them wrote last; shown when a test fails. */
  words(): string {
    const tell = (name: string, said: string) => `── ${name}\n${said.slice(-8_000)}`;
    const ofRunners = this.runners.map((runner, index) => tell(`runner ${index}`, runner.said));
    return [tell("server", this.server.said), ...ofRunners].join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.server.kill(), ...this.runners.map((runner) => runner.kill())]);
    await this.#others.disposeAsync();
    await this.dir[Symbol.asyncDispose]();
  }
}

/** Starts a server and its runners as processes. */
export async function startDevEnv(options: DevEnvOptions = {}): Promise<DevEnv> {
  const dir = await tempDir("signalbox-env-");
  const limits = { "cancel.graceMs": 1_000, ...options.limits };
  const publicNames = (options.doors ?? []).map((port) => `127.0.0.1:${port}`).join();
  const env = { SIGNALBOX_PUBLIC_NAMES: publicNames, ...options.serverEnv };
  const server = new ServerProcess({
    dataDir: options.serverDataDir ?? dir.file("server"),
    port: await freePort(),
    limits,
    env,
  });
  const devEnv = new DevEnv(dir, server, options.runner ?? {});
  endWithTest(devEnv);
  try {
    await server.start();
    for (let count = options.runners ?? 1; count > 0; count--) await devEnv.addRunner();
    return devEnv;
  } catch (error) {
    await devEnv[Symbol.asyncDispose]();
    throw error;
  }
}

/** An environment whose network between runners and server can be disturbed: they dial the proxy. */
export async function startDevEnvBehindProxy(
  options: DevEnvOptions = {},
): Promise<DevEnv & { readonly proxy: FaultProxy }> {
  const door = await freePort();
  const devEnv = await startDevEnv({
    ...options,
    runners: 0,
    doors: [door],
    runner: { ...options.runner, url: `http://127.0.0.1:${door}` },
  });
  const proxy = await FaultProxy.before(devEnv.server.port, door);
  devEnv.use(proxy);
  for (let count = options.runners ?? 1; count > 0; count--) await devEnv.addRunner();
  return Object.assign(devEnv, { proxy });
}

/** The same server inside this process, without runners: where requests are all that matters. */
export async function startServerHere(dataDir: string, limits?: LimitOverrides): Promise<RunningServer> {
  const settings = { host: "127.0.0.1", port: 0, dataDir, logLevel: "silent" } as const;
  return startServer(readServerConfig({}, limits ? { ...settings, limits } : settings));
}

/** A port that nobody listens on now. It stays the same over restarts, which is why no server chooses it. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/**
 * Shows the words of an environment whose test fails, and ends it even when the test ran out of time. One that a whole
 * file shares is started outside of any test, where there is nothing to hook into.
 */
function endWithTest(env: DevEnv): void {
  try {
    onTestFailed(() => console.error(env.words()));
    onTestFinished(() => env[Symbol.asyncDispose]());
  } catch {
    return;
  }
}
