import type { AttemptResult, StartGrant } from "@signalbox/protocol";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import type { WorkspaceDiff } from "../diff/workspace-diff.ts";
import type { Beside } from "../process/beside.ts";
import { createRedactor, type Redactor } from "../redaction/redactor.ts";
import { agentSecrets } from "../session/agent-secrets.ts";
import { WORKSPACE_PATH } from "../sandbox/sandbox.ts";
import type { ToolResult } from "../tools/tool.ts";
import { toolOf } from "../tools/tool-table.ts";
import type { CommandRunner } from "../workspace/git.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { AttemptSpool } from "./attempt-spool.ts";
import type { Attempt } from "./attempt.ts";
import { checkGrant, envelopeHashOf } from "./check-grant.ts";
import { chooseSandbox, type ChosenSandbox } from "./choose-sandbox.ts";
import { OutputRecorder, type RecordedOutput } from "./output-recorder.ts";
import { resultOfStop } from "./result-of-stop.ts";
import { stepEnvironment } from "./step-environment.ts";
import { StepError, toStepError } from "./step-error.ts";
import { StepRun } from "./step-run.ts";
import { StopSwitch } from "./stop-switch.ts";
import type { StepExecutorSettings } from "./step-executor.ts";

/** The work of one attempt. */
export class StepWork {
  readonly #settings: StepExecutorSettings;
  readonly #grant: StartGrant;
  readonly #attempt: Attempt;
  readonly #spool: AttemptSpool;
  readonly #onWorkspace: (workspace: Workspace) => void;
  #redactor: Redactor | undefined;
  #recorder: OutputRecorder | undefined;

  constructor(
    settings: StepExecutorSettings,
    grant: StartGrant,
    attempt: Attempt,
    spool: AttemptSpool,
    onWorkspace: (workspace: Workspace) => void,
  ) {
    this.#settings = settings;
    this.#grant = grant;
    this.#attempt = attempt;
    this.#spool = spool;
    this.#onWorkspace = onWorkspace;
  }

  /** How the step ended, whatever happened. */
  async result(): Promise<ResultBody> {
    try {
      return this.#redacted(await this.#run());
    } catch (error) {
      return this.#redacted(resultOfStop(this.#attempt.stop.cause) ?? this.#failureOf(error));
    }
  }

  async output(): Promise<RecordedOutput> {
    return (await this.#recorder?.finish()) ?? { streams: [], tails: [] };
  }

  async #run(): Promise<ResultBody> {
    const { policy, clock, sandbox } = this.#settings;
    const envelopeHash = envelopeHashOf(this.#grant);
    const refusal = checkGrant({ grant: this.#grant, envelopeHash, policy, nowMs: clock.now() });
    if (refusal) return { outcome: "failed", ...refusal };
    const ofAgent = await agentSecrets(this.#grant.envelope, this.#settings.agents);
    this.#redactor = createRedactor([...this.#grant.secrets, ...ofAgent]);
    this.#recorder = this.#makeRecorder(this.#redactor);
    const chosen = chooseSandbox(this.#grant.envelope, policy, sandbox);
    const workspace = await this.#prepare(chosen);
    return this.#work(chosen, workspace, envelopeHash);
  }

  async #work(chosen: ChosenSandbox, workspace: Workspace, envelopeHash: string): Promise<ResultBody> {
    const { envelope } = this.#grant;
    const tool = toolOf(envelope.tool);
    if (!tool) throw new StepError("missing_dependency", `this runner does not know the tool ${envelope.tool}`);
    const home = join(this.#settings.homesDirectory, this.#grant.attemptId);
    if (chosen.sandbox.name === "none") await mkdir(home, { recursive: true, mode: 0o700 });
    try {
      const step = this.#stepRun(chosen, workspace, home, () => this.#attempt.spawned(envelopeHash, chosen.report));
      const { artifacts = [], ...own } = await tool(step);
      const ended: ResultBody = resultOfStop(this.#attempt.stop.cause) ?? own;
      return { ...ended, ...(await this.#collect(workspace, ended.outcome === "succeeded", artifacts)) };
    } finally {
      if (chosen.sandbox.name === "none") await rm(home, { recursive: true, force: true });
    }
  }

  async #prepare(chosen: ChosenSandbox): Promise<Workspace> {
    const workspace = await this.#settings.workspaces.acquire({
      envelope: this.#grant.envelope,
      signal: this.#attempt.stop.signal,
      commandsIn: (folder, needsNetwork) => this.#plainCommands(chosen, folder, needsNetwork),
      pathInside: (folder) => (chosen.sandbox.name === "none" ? folder : WORKSPACE_PATH),
    });
    this.#onWorkspace(workspace);
    return workspace;
  }

  /** Changes count only when the step succeeded; what it declared is kept in any case, for a person to look at. */
  async #collect(
    workspace: Workspace,
    isSuccess: boolean,
    artifacts: readonly string[],
  ): Promise<Pick<ResultBody, "changes" | "artifacts">> {
    if (this.#attempt.stop.cause === "fenced") return {};
    const collected = await workspace.collect({
      withChanges: isSuccess,
      artifacts: [...this.#grant.envelope.artifacts, ...artifacts],
      signal: this.#attempt.fenced,
    });
    if (collected.unkept > 0) {
      await this.#recorder?.write(
        "stderr",
        `signalbox: ${collected.unkept} files are links, special files, too large or badly named, and are not kept\n`,
      );
    }
    return { artifacts: collected.artifacts, ...(collected.changes ? { changes: collected.changes } : {}) };
  }

  /** Commands of the runner's own in the step's enclosure, with nothing of the step's environment. */
  #plainCommands(
    chosen: ChosenSandbox,
    folder: string,
    needsNetwork: boolean,
    { stop = this.#attempt.stop, beside }: { readonly stop?: StopSwitch; readonly beside?: Beside } = {},
  ): CommandRunner {
    const { policy } = this.#settings;
    const network = needsNetwork && policy.network === "host" ? "host" : "none";
    const nothing = async () => undefined;
    const view = { pathInside: folder, commit: undefined, list: async () => [], read: nothing, follow: nothing };
    const environment = { PATH: this.#pathFor(chosen), LANG: "C.UTF-8", HOME: this.#settings.homesDirectory };
    const run = new StepRun({
      ...this.#common({ ...chosen, network, report: { ...chosen.report, network } }),
      stop,
      ...(beside === undefined ? {} : { beside }),
      workspace: view,
      directory: folder,
      environment,
      onSpawn: () => undefined,
    });
    return {
      isEnclosed: chosen.sandbox.name !== "none",
      capture: (command, maxBytes) => run.capture(command, maxBytes),
    };
  }

  /** What was changed is told of a step that is stopped too, but not of one that is somebody else's by now. */
  #diffOf(chosen: ChosenSandbox, workspace: Workspace): WorkspaceDiff | undefined {
    const { stop: attemptStop } = this.#attempt;
    const stop = new StopSwitch();
    attemptStop.onStop(() => {
      const { cause } = attemptStop;
      if (cause === "fenced" || cause === "lease" || cause === "leaving") stop.stop(cause, 0);
    });
    return workspace.diff({
      commandsIn: (folder) => this.#plainCommands(chosen, folder, false, { stop, beside: "look" }),
      redact: (text) => this.#redact(text),
      stop: () => stop.stop("leaving", 0),
    });
  }

  #stepRun(chosen: ChosenSandbox, workspace: Workspace, home: string, onSpawn: () => void): StepRun {
    const { hostEnvironment, policy } = this.#settings;
    const path = this.#pathFor(chosen);
    const environment = stepEnvironment({
      grant: this.#grant,
      host: hostEnvironment,
      policyEnv: policy.env,
      path,
      home,
    });
    const diff = this.#diffOf(chosen, workspace);
    return new StepRun({
      ...this.#common(chosen),
      workspace,
      diff,
      directory: workspace.directory,
      environment,
      onSpawn,
    });
  }

  #pathFor({ sandbox }: ChosenSandbox): string {
    const { hostPath, pathInside } = this.#settings.programs;
    return sandbox.name === "none" ? hostPath : pathInside;
  }

  #common(chosen: ChosenSandbox) {
    const { clock, cgroupParent, programs, send, agents, sessionsDirectory, records, publisher } = this.#settings;
    const { attemptId, epoch } = this.#grant;
    const recorder = this.#recorder ?? this.#makeRecorder(createRedactor([]));
    const onProgress = (percent: number | undefined, message: string | undefined): void => {
      const said = message === undefined ? {} : { message: this.#redact(message).slice(0, 1_000) };
      send({ type: "progress", attemptId, epoch, ...(percent === undefined ? {} : { percent }), ...said });
    };
    return {
      grant: this.#grant,
      chosen,
      programs,
      recorder,
      stop: this.#attempt.stop,
      inbox: this.#attempt.inbox,
      agents,
      sessionsDirectory,
      publisher,
      record: () => records.read({ attemptId, epoch }, this.#attempt.stop.signal),
      path: this.#pathFor(chosen),
      redact: (text: string) => this.#redact(text),
      redaction: () => (this.#redactor ?? createRedactor([])).stream(),
      clock,
      cgroupParent,
      onProgress,
      onAgentEnded: () => void send({ type: "agent_ended", attemptId, epoch }),
    };
  }

  #makeRecorder(redactor: Redactor): OutputRecorder {
    const { output } = this.#settings;
    const { attemptId, outputBytes } = this.#grant;
    return new OutputRecorder({
      spool: this.#spool,
      redactor,
      maxBytes: outputBytes,
      onOutput: () => output.notify(attemptId),
    });
  }

  #failureOf(error: unknown): ResultBody {
    const known = toStepError(error, this.#grant.envelope.tool);
    if (known) return { outcome: "failed", reason: known.reason, message: known.message.slice(0, 4_000) };
    // The words of an unexpected error may name paths of this machine; they stay here.
    this.#settings.logger.error({ error, attemptId: this.#grant.attemptId }, "the step met an unexpected error");
    return {
      outcome: "failed",
      reason: "runtime_error",
      message: "the runner met an unexpected error; its log has the details",
    };
  }

  #redacted(body: ResultBody): ResultBody {
    if (!this.#redactor) return body;
    const { message, outputs } = body;
    return {
      ...body,
      ...(message === undefined ? {} : { message: this.#redact(message) }),
      ...(outputs === undefined
        ? {}
        : { outputs: JSON.parse(this.#redact(JSON.stringify(outputs))) as Record<string, unknown> }),
    };
  }

  #redact(text: string): string {
    return this.#redactor?.redactText(text) ?? text;
  }
}

/** A result without what the output came to. */
type ResultBody = Omit<ToolResult, "artifacts"> & Partial<Pick<AttemptResult, "changes" | "artifacts">>;
