import { randomFillSync } from "node:crypto";

import {
  createIdSource,
  DEFAULT_ORG,
  limitsWith,
  type Capabilities,
  type IdSource,
  type LimitLookup,
  type LimitOverrides,
  type RunnerMessageOf,
} from "@signalbox/protocol";
import {
  readPlugins,
  readRun,
  readUnfinished,
  type CancelledRun,
  type RunnerRow,
  type SignalboxStore,
} from "@signalbox/store";

import { TokenHandler } from "./access/token-handler.ts";
import { systemClock, type Clock, type Timer } from "./clock.ts";
import { NotFoundError } from "./errors.ts";
import { EventFeed } from "./events/event-feed.ts";
import { OutputFeed } from "./events/output-feed.ts";
import { RunLog } from "./events/run-log.ts";
import { silentLogger, type Logger } from "./logger.ts";
import { openPluginFolder } from "./plugin/open-plugin-folder.ts";
import { PluginHandler } from "./plugin/plugin-handler.ts";
import type { PluginLinkServer } from "./plugin/plugin-link-server.ts";
import type { PluginFolderSettings } from "./plugin/plugin-processes.ts";
import { PluginRuntime } from "./plugin/plugin-runtime.ts";
import { ProjectHandler } from "./project/project-handler.ts";
import { SecretVault } from "./project/secret-vault.ts";
import { ActiveRuns } from "./run/active-runs.ts";
import { explainRun } from "./run/explain-run.ts";
import { GateHandler } from "./run/gate-handler.ts";
import { RunHandler } from "./run/run-handler.ts";
import { AttemptBoard } from "./runner/attempt-board.ts";
import { AttemptResults } from "./runner/attempt-results.ts";
import { Dispatcher } from "./runner/dispatcher.ts";
import { Fleet, type ConnectedRunner } from "./runner/fleet.ts";
import { Heartbeats } from "./runner/heartbeats.ts";
import { OutputIntake } from "./runner/output-intake.ts";
import { Probes } from "./runner/probes.ts";
import { ReadyQueue } from "./runner/ready-queue.ts";
import { RunnerHandler, type RunnerHandlerConfig } from "./runner/runner-handler.ts";
import { RunnerLinkServer } from "./runner/runner-link-server.ts";
import { RunnerSession } from "./runner/runner-session.ts";
import { recover } from "./recover.ts";
import { SessionSocket } from "./realtime/session-socket.ts";
import { ApprovalHandler } from "./session/approval-handler.ts";
import { DiffHandler } from "./session/diff-handler.ts";
import { PublishHandler } from "./session/publish-handler.ts";
import { SessionCourier } from "./session/session-courier.ts";
import { SessionHandler, type SessionHandlerConfig } from "./session/session-handler.ts";
import { SessionLog } from "./session/session-log.ts";
import { SessionRecords } from "./session/session-records.ts";
import { Terminals } from "./terminal/terminals.ts";
import { TimerService } from "./timers/timer-service.ts";
import { AddressGuard } from "./webhook/address-guard.ts";
import { Poster } from "./webhook/post-message.ts";
import { WebhookHandler } from "./webhook/webhook-handler.ts";
import { WebhookSecrets } from "./webhook/webhook-secrets.ts";
import { WebhookWorker } from "./webhook/webhook-worker.ts";

/** How webhooks reach the world. */
export interface WebhookSettings {
  /** Addresses and CIDR ranges outside the public internet that may be posted to. Default none. */
  readonly allowedNetworks?: readonly string[] | undefined;
  /** Ports, and ranges of them such as `8000-8999`, that may be posted to. Default 80 and 443. */
  readonly allowedPorts?: readonly string[] | undefined;
  /** More ports, in `allowedNetworks` alone. Default none. */
  readonly networkPorts?: readonly string[] | undefined;
  /** Authorities, as PEM, whose certificates are believed beside those that this machine believes. Default none. */
  readonly authorities?: string | undefined;
  /** Every address of a name. Default: as this machine resolves it. */
  readonly resolve?: ((hostname: string) => Promise<readonly string[]>) | undefined;
  /** In [0, 1); spreads tries. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** What a control plane is made of. */
export interface ControlPlaneOptions {
  readonly store: SignalboxStore;
  /** 32 bytes that seal the secrets of projects. */
  readonly secretsKey: Uint8Array;
  readonly clock?: Clock;
  readonly ids?: IdSource;
  readonly logger?: Logger;
  readonly runner?: RunnerHandlerConfig;
  readonly session?: SessionHandlerConfig;
  /** Where webhooks may post to beside the public internet. */
  readonly webhook?: WebhookSettings;
  /** Intervals and sizes that differ from the table `LIMITS`; runners are told. */
  readonly limits?: LimitOverrides;
}

/** How things stand, for health and metrics. */
export interface ControlPlaneStats {
  /** Whether the store takes writes. */
  readonly writable: boolean;
  readonly runsActive: number;
  readonly stepsReady: number;
  readonly runnersOnline: number;
  readonly attemptsLive: number;
  readonly streamsOpen: number;
  readonly pluginsConnected: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** All handlers on one store. */
export interface ControlPlane extends AsyncDisposable {
  readonly runs: RunHandler;
  readonly gates: GateHandler;
  readonly sessions: SessionHandler;
  readonly diffs: DiffHandler;
  readonly publishing: PublishHandler;
  readonly approvals: ApprovalHandler;
  readonly projects: ProjectHandler;
  readonly runners: RunnerHandler;
  readonly plugins: PluginHandler;
  readonly webhooks: WebhookHandler;
  readonly tokens: TokenHandler;
  readonly link: RunnerLinkServer;
  readonly records: SessionRecords;
  readonly pluginLink: PluginLinkServer;
  readonly sessionSocket: SessionSocket;
  /** The limits that are in force here. */
  readonly limits: LimitLookup;
  /** Runs the plugins of a folder, once each is approved, until this is drained. Rejects when the folder cannot be read. */
  runPlugins(settings: PluginFolderSettings): Promise<void>;
  /** Opens the conversation with a runner in this process, without sockets or keys: for tests and measurements. */
  attach(runner: ConnectedRunner): RunnerSession;
  stats(): ControlPlaneStats;
  /** Stops taking work, lets readers and runners go, and waits until what was begun is stored. The store stays open. */
  drain(): Promise<void>;
}

const HOUSEKEEPING_MS = 60_000;

/** Wires every handler on a store, and takes up what an earlier control plane on the same store left unfinished. */
export async function createControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, clock = systemClock, logger = silentLogger } = options;
  const ids = options.ids ?? createIdSource({ now: () => clock.now(), fillRandom: (bytes) => randomFillSync(bytes) });
  const limits = limitsWith(options.limits);
  const counters = { runs_created: 0, runs_succeeded: 0, runs_failed: 0, runs_cancelled: 0, attempts_lost: 0 };

  const runLog = new RunLog({ store });
  const sessionLog = new SessionLog({ store });
  const eventFeed = new EventFeed({ store });
  const outputFeed = new OutputFeed({ store });
  const activeRuns = new ActiveRuns({ runLog });
  const vault = new SecretVault({ store, key: options.secretsKey });
  const fleet = new Fleet();
  const queue = new ReadyQueue();
  const outputIntake = new OutputIntake({
    store,
    clock,
    sessionLog,
    limits,
    outputFeed,
    logger,
    onStored: (pieces) => terminals.stored(pieces),
  });
  const heartbeats = new Heartbeats({
    store,
    clock,
    logger,
    offlineMs: options.runner?.heartbeatTimeoutMs ?? limits("runner.offlineMs"),
  });
  const board: AttemptBoard = new AttemptBoard({
    clock,
    graceMs: limits("lease.graceMs"),
    onLost: (attempt) => {
      counters.attempts_lost += 1;
      void loseLater(attempt);
    },
  });
  const dispatcher = new Dispatcher({ store, clock, ids, limits, runLog, fleet, queue, board, vault, logger });
  const results = new AttemptResults({
    store,
    clock,
    runLog,
    board,
    outputIntake,
    outputFeed,
    logger,
    onReleased: (attempt) => dispatcher.released(attempt),
  });

  const stopAttempts = (attemptIds: readonly string[], wanted: "cancel" | "abort") => {
    for (const attempt of attemptIds.flatMap((attemptId) => board.get(attemptId) ?? [])) {
      // Once somebody wants it killed, nobody can want it less.
      const mode = attempt.cancelMode === "abort" ? "abort" : wanted;
      attempt.cancelMode = mode;
      fleet
        .get(attempt.runnerId)
        ?.channel.send({ type: "cancel", attemptId: attempt.attemptId, epoch: attempt.epoch, mode });
    }
  };
  const stopRun = ({ runId, live }: Pick<CancelledRun, "runId" | "live">, wanted: "cancel" | "abort") => {
    dispatcher.drop(runId);
    stopAttempts(live, wanted);
  };
  const timers = new TimerService({
    store,
    runLog,
    sessionLog,
    clock,
    logger,
    onFired: ({ runId, live }) => {
      if (live) stopRun({ runId, live }, "cancel");
    },
  });

  // An attempt whose loss could not be recorded stays lost: it is tried again until the store takes it.
  async function loseLater(attempt: Parameters<typeof results.lost>[0]): Promise<void> {
    try {
      await results.lost(attempt, "runner_lost", "its lease ended without a word from the runner");
    } catch (error) {
      logger.warn({ err: error, attempt: attempt.attemptId }, "loss of an attempt not recorded; trying again");
      clock.setTimer(1_000, () => void loseLater(attempt));
    }
  }

  const {
    allowedNetworks,
    allowedPorts,
    networkPorts,
    authorities,
    resolve,
    random = Math.random,
  } = options.webhook ?? {};
  const poster = new Poster({
    guard: new AddressGuard({ networks: allowedNetworks, ports: allowedPorts, networkPorts }),
    limits,
    clock,
    ...(authorities === undefined ? {} : { authorities }),
    ...(resolve && { resolve }),
  });
  const webhookSecrets = new WebhookSecrets(vault);
  const webhookWorker = new WebhookWorker({ store, clock, random, limits, poster, secrets: webhookSecrets, logger });

  runLog.on("sessions", (sessions) => {
    for (const session of sessions) sessionLog.tell(session);
  });
  sessionLog.on("run", (outcome) => runLog.tell(outcome));
  sessionLog.on("changed", ({ sessionId }) => {
    eventFeed.notify(sessionId);
    webhookWorker.wake();
  });
  runLog.on("changed", ({ runId, state, isOver }) => {
    eventFeed.notify(runId);
    webhookWorker.wake();
    if (!isOver) return;
    outputFeed.notify(runId);
    if (state !== "queued" && state !== "running") counters[`runs_${state}`] += 1;
  });

  const runs = new RunHandler({
    store,
    clock,
    ids,
    runLog,
    eventFeed,
    outputFeed,
    activeRuns,
    stopRun,
    onCreated: () => (counters.runs_created += 1),
    explain: (rows) => explainRun(rows, fleet, dispatcher),
  });
  const diffs = new DiffHandler({ store, clock, ids, limits, sessionLog });
  const publishing = new PublishHandler({ store, clock, ids, runLog, diffs });
  const gates = new GateHandler({
    store,
    clock,
    runLog,
    requireUnchanged: (gate, orgId) => publishing.requireUnchanged(gate, orgId),
  });
  const courier = new SessionCourier({ store, clock, fleet, sessionLog, logger });
  const terminals = new Terminals({ store, board, courier, runLog, sessionLog, clock, limits, logger });
  const approvals = new ApprovalHandler({ store, clock, sessionLog, gates });
  const sessionConfig = { maxSessionsPerOrg: limits("sessions.perOrg"), ...options.session };
  const sessions = new SessionHandler(sessionConfig, {
    store,
    clock,
    ids,
    runLog,
    sessionLog,
    eventFeed,
    stopRun,
    stopAttempts,
  });
  const projects = new ProjectHandler({ store, clock, vault });
  const pluginRuntime = new PluginRuntime({ store, clock, ids, logger });
  const plugins = new PluginHandler({ store, clock, ids, runtime: pluginRuntime });
  const webhooks = new WebhookHandler({ store, clock, ids, secrets: webhookSecrets, poster, worker: webhookWorker });
  const tokens = new TokenHandler({
    store,
    clock,
    onRevoked: (tokenId) => pluginRuntime.link.disconnectCredential(tokenId),
    hasRun: async (runId, context) => {
      const row = await store.view(() => readRun(runId, context.principal.orgId));
      if (!row) throw new NotFoundError("run", runId);
    },
  });
  const sessionSocket = new SessionSocket({ store, clock, limits, tokens, sessionLog, sessions, eventFeed, terminals });
  const probes = new Probes({ fleet, clock, ids, limits, logger });
  const openSession = (runner: ConnectedRunner): RunnerSession =>
    new RunnerSession(
      {
        store,
        clock,
        limits,
        fleet,
        board,
        dispatcher,
        results,
        heartbeats,
        probes,
        sessionLog,
        logger,
        onDrainWanted: async (runnerId, comesBack) => {
          runner.isDraining = true;
          logger.info({ runner: runnerId, comesBack }, "runner wants no more work");
        },
      },
      runner,
    );
  const link = new RunnerLinkServer({
    store,
    clock,
    ids,
    limits,
    fleet,
    outputIntake,
    logger,
    openSession,
    onConnected: (row: RunnerRow, hello: RunnerMessageOf<"hello">) => {
      heartbeats.watch(row.id, row.state === "online" || row.state === "draining");
      heartbeats.beat(row.id, {
        load: { cpuPercent: 0, memoryPercent: 0, diskPercent: 0 },
        runtimeVersions: hello.runtimeVersions,
        capabilities: { ...(JSON.parse(row.capabilities) as Capabilities), ...hello.capabilities },
      });
    },
    onReturned: (runnerId, held) => {
      for (const attempt of held) {
        void courier
          .repeat(runnerId, attempt)
          .catch((error: unknown) => logger.warn({ err: error, attempt: attempt.attemptId }, "commands not repeated"));
      }
    },
  });
  const runners = new RunnerHandler(options.runner, {
    store,
    clock,
    ids,
    fleet,
    board,
    heartbeats,
    retire: (runnerId, reason) => link.retire(runnerId, reason),
    abandon: async (runnerId) => {
      const held = [...board].filter((attempt) => attempt.runnerId === runnerId);
      for (const attempt of held) await results.lost(attempt, "runner_lost", "its runner was deregistered");
    },
  });

  pluginRuntime.recover(await store.view(() => readPlugins(DEFAULT_ORG)));
  recover(await store.view(readUnfinished), { clock, limits, board, dispatcher, heartbeats, activeRuns, timers });

  webhookWorker.wake();

  let housekeeping: Timer | undefined;
  const keepHouse = () => {
    housekeeping = clock.setTimer(HOUSEKEEPING_MS, () => {
      void Promise.all([
        tokens.flush(),
        store.run("forgetAnswers", { now: clock.now(), count: 1_000 }),
        webhookWorker.tidy(),
      ])
        .catch((error: unknown) => logger.warn({ err: error }, "housekeeping not done; trying again"))
        .finally(keepHouse);
    });
  };
  keepHouse();

  let isDrained = false;
  const drain = async () => {
    if (isDrained) return;
    isDrained = true;
    housekeeping?.cancel();
    dispatcher.stop();
    timers.stop();
    board.stop();
    probes.stop();
    const pluginsAreOver = pluginRuntime
      .close()
      .catch((error: unknown) => logger.error({ err: error }, "plugins not closed in good order"));
    link.stop();
    const postsAreOver = webhookWorker
      .stop()
      .catch((error: unknown) => logger.error({ err: error }, "posts to webhooks not ended in good order"));
    const followersAreGone = sessionSocket.close();
    eventFeed.stop();
    outputFeed.stop();
    heartbeats.stop();
    await Promise.all([heartbeats.flush(), tokens.flush()]).catch((error: unknown) =>
      logger.warn({ err: error }, "last words not written"),
    );
    await Promise.all([pluginsAreOver, followersAreGone, postsAreOver]);
    pluginRuntime.link.terminate();
    link.terminate();
  };

  return {
    runs,
    gates,
    sessions,
    approvals,
    diffs,
    publishing,
    projects,
    runners,
    plugins,
    webhooks,
    tokens,
    link,
    records: new SessionRecords({ store, board }),
    pluginLink: pluginRuntime.link,
    sessionSocket,
    limits,
    runPlugins: (settings) =>
      openPluginFolder(settings, { store, clock, ids, logger, runtime: pluginRuntime, plugins }),
    attach(runner) {
      const session = openSession(runner);
      heartbeats.watch(runner.runnerId, true);
      fleet.connect(runner);
      return session;
    },
    stats: () => ({
      writable: !isDrained && store.hasRoom,
      runsActive: activeRuns.count,
      stepsReady: queue.count,
      runnersOnline: fleet.size,
      attemptsLive: board.size,
      streamsOpen: eventFeed.readers,
      pluginsConnected: pluginRuntime.link.size,
      counters,
    }),
    drain,
    [Symbol.asyncDispose]: drain,
  };
}
