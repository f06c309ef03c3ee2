import { limit, PUBLISH_FEATURE, type Capabilities, type RunnerMessage } from "@signalbox/protocol";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { Guard } from "./guard/guard.ts";
import type { MachineFacts } from "./identity/enrol.ts";
import { enrolledIdentity } from "./identity/enrolled-identity.ts";
import { checkServerUrl } from "./identity/server-url.ts";
import { BlobClient } from "./link/blob-client.ts";
import { ControlLink, type ControlLinkListener } from "./link/control-link.ts";
import { OutputLink } from "./link/output-link.ts";
import { RecordClient } from "./link/record-client.ts";
import { lockDataDir } from "./machine/data-dir-lock.ts";
import { LoadSampler } from "./machine/load-sampler.ts";
import { findPrograms } from "./machine/programs.ts";
import { RunnerPolicySchema } from "./policy/policy.ts";
import { systemClock } from "./process/clock.ts";
import type { RunnerConfig } from "./runner-config.ts";
import { detectSandbox } from "./sandbox/detect-sandbox.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import { scriptedAgent } from "./session/scripted-agent.ts";
import { GitAccessSettingsSchema } from "./git-access/git-access-settings.ts";
import { GitAccess } from "./git-access/git-access.ts";
import { publisherOf } from "./publish/publisher.ts";
import { removeOldSessionFolders } from "./session/session-folders.ts";
import { AttemptSpool } from "./supervisor/attempt-spool.ts";
import { Attempt } from "./supervisor/attempt.ts";
import { recoverAttempts } from "./supervisor/recover-attempts.ts";
import { StepExecutor } from "./supervisor/step-executor.ts";
import { Supervisor } from "./supervisor/supervisor.ts";
import { silentLogger, type Logger } from "./logger.ts";
import { DEFAULT_WORKSPACE_LIMITS } from "./workspace/choose-leftovers.ts";
import { WorkspaceStore } from "./workspace/workspace-store.ts";

/** The parts of a runner that others speak to. */
export interface RunnerParts {
  readonly runnerId: string;
  readonly control: ControlLink;
  readonly supervisor: Supervisor;
  readonly sandbox: string;
  readonly slots: number;
}

/** The wiring of a runner; what is opened here is closed in the opposite order. */
export async function assemble(
  config: RunnerConfig,
  resources: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<RunnerParts> {
  const {
    dataDir,
    clock = systemClock,
    random = Math.random,
    logger = silentLogger,
    hostEnvironment = {},
    cgroupParent,
  } = config;
  const server = checkServerUrl(config.serverUrl);
  const policy = RunnerPolicySchema.parse(config.policy ?? {});
  const slots = config.slots ?? limit("runner.slots");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  resources.use(await lockDataDir(dataDir));
  const sandbox = await detectSandbox({ mode: config.sandbox ?? "auto", supportDirectory: join(dataDir, "sandbox") });
  logger.info({ sandbox: sandbox.description }, "sandbox of this machine");
  const facts = factsOf(config, slots, sandbox);
  const identity = await enrolledIdentity({ config, server, facts, clock, random, logger, signal });

  const guard = resources.use(new Guard(logger));
  guard.start();
  const blobs = new BlobClient({ server, random });
  const records = new RecordClient({ server, random });
  const access = new GitAccess(GitAccessSettingsSchema.parse(config.git ?? {}));
  const workspaces = new WorkspaceStore({
    access,
    directory: join(dataDir, "workspaces"),
    blobs,
    limits: { ...DEFAULT_WORKSPACE_LIMITS, ...config.workspaces },
    clock,
    logger,
  });
  await workspaces.open();
  const sessionsDirectory = join(dataDir, "sessions");
  await removeOldSessionFolders(sessionsDirectory, clock.now() - limit("session.folderTtlMs"));
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
  const send = (message: RunnerMessage): boolean => control.send(message);
  const programs = findPrograms({
    execPath: process.execPath,
    path: config.path,
    readOnlyPaths: config.readOnlyPaths ?? [],
  });
  const executor = new StepExecutor({
    policy,
    sandbox,
    workspaces,
    output,
    openSpool: (grant) =>
      AttemptSpool.create(spoolRoot, { attemptId: grant.attemptId, epoch: grant.epoch }, spoolSettings),
    send,
    onAttempt: (attemptId, isLive) => guard.watch(attemptId, isLive),
    hostEnvironment,
    programs,
    homesDirectory: join(dataDir, "homes"),
    agents: config.agents ?? new Map([["scripted", scriptedAgent()]]),
    sessionsDirectory,
    publisher: publisherOf(config.publish, {
      access,
      directory: join(dataDir, "publish"),
      blobs,
      path: programs.hostPath,
      hostEnvironment,
      policy,
    }),
    records,
    cgroupParent,
    clock,
    logger,
  });
  const supervisor = resources.use(
    new Supervisor({
      policy,
      slots,
      clock,
      logger,
      send,
      output,
      begin: (grant, onOver) => executor.begin(grant, onOver),
    }),
  );
  for (const spool of await recoverAttempts({ root: spoolRoot, settings: spoolSettings, clock, logger })) {
    adopt(spool, { supervisor, send, output, logger });
  }

  const listener = listenerOf({ facts, load: new LoadSampler(dataDir), supervisor, blobs, records, output, send });
  const control = new ControlLink({ server, identity, clock, random, logger, listener });
  resources.use(control);
  resources.defer(() => supervisor.abandon());
  return { runnerId: identity.runnerId, control, supervisor, sandbox: sandbox.name, slots };
}

function factsOf(config: RunnerConfig, slots: number, sandbox: Sandbox): MachineFacts {
  const {
    providers = new Set(["scripted", ...(config.agents?.keys() ?? [])]),
    features = [],
    labels = {},
    runtimeVersions,
    codegenProvider,
  } = config;
  const capabilities: Capabilities = {
    providers: [...providers],
    ...(codegenProvider === undefined ? {} : { codegenProvider }),
    maxConcurrentSessions: slots,
    features: [
      ...features,
      ...(sandbox.name === "none" ? [] : ["sandbox"]),
      ...(config.publish ? [PUBLISH_FEATURE] : []),
    ],
  };
  return {
    hostname: hostname(),
    capabilities,
    labels,
    runtimeVersions: { node: process.versions.node, ...agentVersions(config), ...runtimeVersions },
  };
}

function agentVersions({ agents = new Map() }: RunnerConfig): Record<string, string> {
  return Object.fromEntries([...agents].map(([provider, { program }]) => [provider, program.version]));
}

/** Makes an attempt of what an earlier process left in the spool. Its files are not known any more. */
function adopt(spool: AttemptSpool, parts: Pick<Parts, "supervisor" | "send" | "output"> & { logger: Logger }): void {
  const { supervisor, send, output, logger } = parts;
  const state = spool.result ? "finished" : "interrupted";
  logger.warn({ attemptId: spool.attemptId, state }, "found an attempt of an earlier process");
  const nothing = { cancelGraceMs: 0, sendBlobs: async () => undefined, onSettled: () => undefined };
  supervisor.adopt(new Attempt({ spool, state, send, output, logger, ...nothing, onOver: supervisor.release }));
  output.attach(spool);
}

interface Parts {
  readonly facts: MachineFacts;
  readonly load: LoadSampler;
  readonly supervisor: Supervisor;
  readonly blobs: BlobClient;
  readonly records: RecordClient;
  readonly output: OutputLink;
  readonly send: (message: RunnerMessage) => boolean;
}

/** What the parts have to say to the control plane, and who hears it. */
function listenerOf({ facts, load, supervisor, blobs, records, output, send }: Parts): ControlLinkListener {
  const { capabilities, runtimeVersions } = facts;
  return {
    hello: () => ({
      features: [],
      capabilities,
      runtimeVersions,
      attempts: supervisor.attempts.map(({ id, epoch, helloState }) => ({ attemptId: id, epoch, state: helloState })),
    }),
    heartbeat: () => ({
      type: "heartbeat",
      load: load.sample(),
      runtimeVersions,
      activeAttempts: supervisor.attempts.filter(({ isWorking }) => isWorking).map(({ id }) => id),
      freeSlots: supervisor.freeSlots,
    }),
    onWelcome(welcome) {
      const { connectionToken, intervals } = welcome;
      blobs.connect(connectionToken);
      records.connect(connectionToken);
      supervisor.connected(welcome);
      output.connect(connectionToken, { windowBytes: intervals.windowBytes, frameBytes: intervals.frameBytes });
    },
    onMessage: (message) => supervisor.receive(message),
    onUnreadableStart({ attemptId, epoch }) {
      const message = "the grant has a shape that this runner does not know; a newer runner may be needed";
      const result = {
        outcome: "failed" as const,
        reason: "envelope_mismatch" as const,
        message,
        streams: [],
        artifacts: [],
      };
      send({ type: "finish", attemptId, epoch, result });
    },
    onLost() {
      blobs.disconnect();
      records.disconnect();
      output.disconnect();
      supervisor.disconnected();
    },
  };
}
