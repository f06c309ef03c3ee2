import { eventually, tempDir, type TempDir } from "@signalbox/testkit";

import { createRunner, silentLogger, type Logger, type Runner, type RunnerConfig } from "../../src/index.ts";
import { FakeControlPlane } from "./fake-control-plane.ts";

/** A fake control plane and one real runner that is connected to it. */
export interface Fleet extends AsyncDisposable {
  readonly fake: FakeControlPlane;
  readonly runner: Runner;
  readonly dir: TempDir;
  readonly config: RunnerConfig;
  /** Ends the runner without telling anybody and starts another on the same data. */
  restart(more?: Partial<RunnerConfig>): Promise<void>;
}

const chatty: Logger = {
  ...silentLogger,
  warn: (fields, message) => console.log("warn", message, fields),
  error: (fields, message) => console.log("error", message, fields),
};

/** Starts both and waits for the first heartbeat. */
export async function startFleet(
  more: Partial<RunnerConfig> = {},
  prepare: (fake: FakeControlPlane) => void = () => undefined,
): Promise<Fleet> {
  const fake = await FakeControlPlane.start();
  prepare(fake);
  const dir = await tempDir();
  const config: RunnerConfig = {
    serverUrl: fake.url,
    enrolmentToken: fake.token,
    dataDir: dir.file("data"),
    logger: process.env["DEBUG_RUNNER"] ? chatty : silentLogger,
    ...more,
  };
  const start = async (now: RunnerConfig): Promise<Runner> => {
    const runner = createRunner(now);
    await runner.start();
    return runner;
  };
  const fleet = {
    fake,
    runner: await start(config),
    dir,
    config,
    async restart(changes: Partial<RunnerConfig> = {}) {
      await this.runner[Symbol.asyncDispose]();
      this.runner = await start({ ...config, ...changes });
    },
    async [Symbol.asyncDispose]() {
      await this.runner[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
  await eventually(() => fake.connections > 0 && fleet.runner.status().isConnected);
  return fleet;
}
