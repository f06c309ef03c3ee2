import type { RunnerMessage, StartGrant } from "@signalbox/protocol";

import type { OutputLink } from "../link/output-link.ts";
import type { RecordClient } from "../link/record-client.ts";
import type { Logger } from "../logger.ts";
import type { Programs } from "../machine/programs.ts";
import type { RunnerPolicy } from "../policy/policy.ts";
import type { Publisher } from "../publish/publisher.ts";
import type { Clock } from "../process/clock.ts";
import type { AgentCatalog } from "../session/agent-catalog.ts";
import { type Sandbox } from "../sandbox/sandbox.ts";
import type { WorkspaceStore } from "../workspace/workspace-store.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { AttemptSpool } from "./attempt-spool.ts";
import { Attempt } from "./attempt.ts";
import { StepWork } from "./step-work.ts";

export interface StepExecutorSettings {
  readonly policy: RunnerPolicy;
  readonly sandbox: Sandbox;
  readonly workspaces: WorkspaceStore;
  readonly output: OutputLink;
  /** Must be quick: the process of the step waits for it. */
  readonly openSpool: (grant: StartGrant) => AttemptSpool;
  readonly send: (message: RunnerMessage) => boolean;
  /** Called before the first process of an attempt can exist, and when none is left. */
  readonly onAttempt: (attemptId: string, isLive: boolean) => void;
  /** This machine's environment, of which the policy lets some through. */
  readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
  readonly programs: Programs;
  /** Where a step without a sandbox gets its home. */
  readonly homesDirectory: string;
  readonly agents: AgentCatalog;
  readonly records: RecordClient;
  /** Where sessions have their folders, which outlive an attempt. */
  readonly sessionsDirectory: string;
  readonly publisher?: Publisher | undefined;
  readonly cgroupParent?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Carries grants out: checks, prepares, runs the tool, collects what it left, and hands in the result. */
export class StepExecutor {
  readonly #settings: StepExecutorSettings;

  constructor(settings: StepExecutorSettings) {
    this.#settings = settings;
  }

  /** Begins the work of a grant; never throws, and what goes wrong becomes the attempt's result. */
  begin(grant: StartGrant, onOver: (attempt: Attempt) => void): Attempt {
    const { output, openSpool, send, logger } = this.#settings;
    const spool = openSpool(grant);
    let workspace: Workspace | undefined;
    const attempt = new Attempt({
      spool,
      state: "preparing",
      cancelGraceMs: grant.cancelGraceMs,
      send,
      output,
      logger,
      sendBlobs: async (sha256s) => workspace?.resend(sha256s, AbortSignal.timeout(BLOBS_MS)),
      onSettled: () => workspace?.release(),
      onOver: (ended) => {
        onOver(ended);
        void this.#clean();
      },
    });
    output.attach(spool);
    void this.#carryOut(grant, attempt, spool, (acquired) => (workspace = acquired));
    return attempt;
  }

  async #clean(): Promise<void> {
    const { workspaces, logger } = this.#settings;
    await workspaces.clean().catch((error: unknown) => logger.warn({ error }, "workspaces could not be cleaned"));
  }

  async #carryOut(
    grant: StartGrant,
    attempt: Attempt,
    spool: AttemptSpool,
    onWorkspace: (workspace: Workspace) => void,
  ): Promise<void> {
    const { clock, onAttempt } = this.#settings;
    const startedMs = clock.monotonic();
    const timeout = clock.setTimer(grant.envelope.timeoutMs, () => attempt.end("timeout"));
    const work = new StepWork(this.#settings, grant, attempt, spool, onWorkspace);
    onAttempt(grant.attemptId, true);
    const body = await work.result();
    timeout.cancel();
    onAttempt(grant.attemptId, false);
    const { streams, tails } = await work.output();
    const durationMs = Math.round(clock.monotonic() - startedMs);
    await attempt.finish({ artifacts: [], ...body, streams, durationMs }, tails);
  }
}

/** For sending again what the control plane has lost. */
const BLOBS_MS = 60_000;
