import { limit, type Capabilities, type ControlMessage, type ControlMessageOf } from "@signalbox/protocol";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { Guard } from "./guard/guard.ts";
import { enrolledIdentity } from "./identity/enrolled-identity.ts";
import { checkServerUrl } from "./identity/server-url.ts";
import { BlobClient } from "./link/blob-client.ts";
import { ControlLink, type HelloFacts } from "./link/control-link.ts";
import type { LinkEnd } from "./link/link-end.ts";
import { OutputLink } from "./link/output-link.ts";
import { lockDataDir } from "./machine/data-dir-lock.ts";
import { LoadSampler } from "./machine/load-sampler.ts";
import { findPrograms } from "./machine/programs.ts";
import { RunnerPolicySchema } from "./policy/policy.ts";
import { delay, systemClock } from "./process/clock.ts";
import type { RunnerConfig } from "./runner-config.ts";
import { detectSandbox } from "./sandbox/detect-sandbox.ts";
import { AttemptSpool } from "./supervisor/attempt-spool.ts";
import { Attempt } from "./supervisor/attempt.ts";
import { recoverAttempts } from "./supervisor/recover-attempts.ts";
import { StepExecutor } from "./supervisor/step-executor.ts";
import { Supervisor } from "./supervisor/supervisor.ts";
import { silentLogger } from "./logger.ts";
import { DEFAULT_WORKSPACE_LIMITS } from "./workspace/choose-leftovers.ts";
import { WorkspaceStore } from "./workspace/workspace-store.ts";

/** A machine of the fleet. Disposing of it stops what runs and reports that as interrupted at the next start. */
export interface Runner extends AsyncDisposable {
  /** Enrols if need be, takes up what an earlier process left, and dials. Resolves before the connection is there. */
  start(): Promise<void>;
  /** Resolves when the control plane wants nothing more to do with this runner. */
  readonly ended: Promise<LinkEnd>;
  status(): RunnerStatus;
  /**
   * Takes nothing new, waits for the work, and stops what has not ended after `timeoutMs`. Resolves when the control plane
   * has every result, or shortly after the time is over.
   */
  drain(options: { timeoutMs: number; comesBack: boolean }): Promise<void>;
}

/** How a runner stands. */
export interface RunnerStatus {
  readonly runnerId: string | undefined;
  readonly isConnected: boolean;
  readonly isLeaving: boolean;
  readonly attempts: readonly { readonly attemptId: string; readonly state: string }[];
  readonly slots: number;
  readonly freeSlots: number;
  readonly sandbox: string | undefined;
}

/** Makes a runner; nothing happens before `start`. */
export function createRunner(config: RunnerConfig): Runner {
  return new MachineRunner(config);
}

class MachineRunner implements Runner {
  readonly ended: Promise<LinkEnd>;
  readonly #config: RunnerConfig;
  readonly #resources = new AsyncDisposableStack();
  readonly #end = Promise.withResolvers<LinkEnd>();
  readonly #stopping = new AbortController();
  #parts: Parts | undefined;
  #isLeaving = false;

  constructor(config: RunnerConfig) {
    this.#config = config;
    this.ended = this.#end.promise;
  }

  async start(): Promise<void> {
    const parts = await assemble(this.#config, this.#resources, this.#stopping.signal);
    this.#parts = parts;
    void parts.control.ended.then((end) => this.#end.resolve(end));
    parts.control.start();
  }

  status(): RunnerStatus {
    const { runnerId, control, supervisor, sandbox, slots } = this.#parts ?? {};
    return {
      runnerId,
      isConnected: control?.isOpen ?? false,
      isLeaving: this.#isLeaving,
      attempts: (supervisor?.attempts ?? []).map(({ id, state }) => ({ attemptId: id, state })),
      slots: slots ?? 0,
      freeSlots: supervisor?.freeSlots ?? 0,
      sandbox,
    };
  }

  async drain({ timeoutMs, comesBack }: { timeoutMs: number; comesBack: boolean }): Promise<void> {
    this.#isLeaving = true;
    if (!this.#parts) return;
    const { supervisor, control } = this.#parts;
    const { clock = systemClock } = this.#config;
    supervisor.leave();
    control.send({ type: "drain", comesBack });
    const endAt = clock.monotonic() + timeoutMs;
    const reserveMs = Math.min(LAST_WORDS_MS, timeoutMs / 2);
    await Promise.race([supervisor.idle(), delay(clock, timeoutMs - reserveMs)]);
    supervisor.endAll("leaving", reserveMs / 4);
    await Promise.race([supervisor.idle(), delay(clock, Math.max(0, endAt - clock.monotonic()))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#resources[Symbol.asyncDispose]();
  }
}

/** What a drain keeps for stopping the work and handing in the results. */
const LAST_WORDS_MS = 8_000;

interface Parts {
  readonly runnerId: string;
  readonly control: ControlLink;
  readonly supervisor: Supervisor;
  readonly sandbox: string;
  readonly slots: number;
}

/** The wiring of a runner; what is opened here is closed in the opposite order. */
async function assemble(config: RunnerConfig, resources: AsyncDisposableStack, signal: AbortSignal): Promise<Parts> {
  const { dataDir, clock = systemClock, random = Math.random, logger = silentLogger, hostEnvironment = {}, cgroupParent } = config;
  const server = checkServerUrl(config.serverUrl);
  const policy = RunnerPolicySchema.parse(config.policy ?? {});
  const slots = config.slots ?? limit("runner.slots");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  resources.use(await lockDataDir(dataDir));
  const sandbox = await detectSandbox({ mode: config.sandbox ?? "auto", supportDirectory: join(dataDir, "sandbox") });
  logger.info({ sandbox: sandbox.description }, "sandbox of this machine");
  const runtimeVersions = { node: process.versions.node, ...config.runtimeVersions };
  const capabilities: Capabilities = {
    providers: [...(config.providers ?? ["scripted"])],
    maxConcurrentSessions: slots,
    features: [...(config.features ?? []), ...(sandbox.name === "none" ? [] : ["sandbox"])],
  };
  const facts = { hostname: hostname(), capabilities, labels: config.labels ?? {}, runtimeVersions };
  const identity = await enrolledIdentity({ config, server, facts, clock, random, logger, signal });

  const guard = resources.use(new Guard(logger));
  guard.start();
  const blobs = new BlobClient({ server, random });
  const workspaces = new WorkspaceStore({ directory: join(dataDir, "workspaces"), blobs, limits: { ...DEFAULT_WORKSPACE_LIMITS, ...config.workspaces }, clock, logger });
  await workspaces.open();
  const spoolSettings = { clock, maxBytes: limit("spool.bytes"), ...config.spool };
  const spoolRoot = join(dataDir, "spool");
  await mkdir(spoolRoot, { recursive: true, mode: 0o700 });

  const output = resources.use(
    new OutputLink({
      server,
      clock,
      random,
      logger,
      onFenced: (attemptId, epoch) => supervisor.fence(attemptId, epoch),
      onDelivered: (attemptId) => supervisor.delivered(attemptId),
    }),
  );
  const send = (message: Parameters<ControlLink["send"]>[0]): boolean => control.send(message);
  const executor = new StepExecutor({
    policy,
    sandbox,
    workspaces,
    output,
    openSpool: (grant) => AttemptSpool.create(spoolRoot, { attemptId: grant.attemptId, epoch: grant.epoch }, spoolSettings),
    send,
    onAttempt: (attemptId, isLive) => guard.watch(attemptId, isLive),
    hostEnvironment,
    programs: findPrograms({ execPath: process.execPath, path: config.path, readOnlyPaths: config.readOnlyPaths ?? [] }),
    homesDirectory: join(dataDir, "homes"),
    cgroupParent,
    clock,
    logger,
  });
  const supervisor = resources.use(new Supervisor({ policy, slots, clock, logger, send, output, begin: (grant, onOver) => executor.begin(grant, onOver) }));
  for (const spool of await recoverAttempts({ root: spoolRoot, settings: spoolSettings, clock, logger })) {
    const state = spool.result ? "finished" : "interrupted";
    logger.warn({ attemptId: spool.attemptId, state }, "found an attempt of an earlier process");
    supervisor.adopt(new Attempt({ spool, state, cancelGraceMs: 0, send, output, logger, sendBlobs: async () => undefined, onSettled: () => undefined, onOver: supervisor.release }));
    output.attach(spool);
  }

  const load = new LoadSampler(dataDir);
  const hello = (): HelloFacts => ({
    features: [],
    capabilities,
    runtimeVersions,
    attempts: supervisor.attempts.map(({ id, epoch, helloState }) => ({ attemptId: id, epoch, state: helloState })),
  });
  const control = new ControlLink({
    server,
    identity,
    clock,
    random,
    logger,
    listener: {
      hello,
      heartbeat: () => ({
        type: "heartbeat",
        load: load.sample(),
        runtimeVersions,
        activeAttempts: supervisor.attempts.filter(({ isWorking }) => isWorking).map(({ id }) => id),
        freeSlots: supervisor.freeSlots,
      }),
      onWelcome: (welcome) => greet(welcome, { blobs, output, supervisor }),
      onMessage: (message: ControlMessage) => supervisor.receive(message),
      onUnreadableStart: ({ attemptId, epoch }) => {
        const message = "the grant has a shape that this runner does not know; a newer runner may be needed";
        control.send({ type: "finish", attemptId, epoch, result: { outcome: "failed", reason: "envelope_mismatch", message, streams: [], artifacts: [] } });
      },
      onLost: () => {
        blobs.disconnect();
        output.disconnect();
        supervisor.disconnected();
      },
    },
  });
  resources.use(control);
  resources.defer(() => supervisor.abandon());
  return { runnerId: identity.runnerId, control, supervisor, sandbox: sandbox.name, slots };
}

function greet(welcome: ControlMessageOf<"welcome">, parts: { blobs: BlobClient; output: OutputLink; supervisor: Supervisor }): void {
  const { connectionToken, intervals } = welcome;
  parts.blobs.connect(connectionToken);
  parts.supervisor.connected(welcome);
  parts.output.connect(connectionToken, { windowBytes: intervals.windowBytes, frameBytes: intervals.frameBytes });
}
