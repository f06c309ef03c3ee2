import { createHash } from "node:crypto";

import { StepSchema, type Actor, type AttemptResult, type Scope, type StepInput } from "@signalbox/protocol";
import {
  readEvents,
  readRunRows,
  type ArgsOf,
  type LeasedAttempt,
  type OutputPiece,
  type PlannedStep,
  type RunOutcome,
  type RunProgress,
  type SignalboxUnits,
} from "@signalbox/store";
import { openSignalboxStore, type SqliteStore } from "@signalbox/store/sqlite";

export const ORG = "org-a";
export const CALLER: Actor = { kind: "token", id: "tok_1" };
export const ENVELOPE = "e".repeat(64);
const START = 1_800_000_000_000;

/** What names an attempt and who holds it. */
export interface Held {
  readonly attemptId: string;
  readonly epoch: number;
  readonly runnerId: string;
}

type Args<Name extends keyof SignalboxUnits> = ArgsOf<SignalboxUnits[Name]>;

/** The product's store in memory with two runners in it, and short ways to its units. Time stands until it is moved. */
export class Fleet implements AsyncDisposable {
  readonly store: SqliteStore<SignalboxUnits>;
  now = START;
  #runs = 0;

  constructor(store: SqliteStore<SignalboxUnits>) {
    this.store = store;
  }

  static async open(directory = ":memory:"): Promise<Fleet> {
    const fleet = new Fleet(await openSignalboxStore({ directory, reserveBytes: 0 }));
    await fleet.register("rnr_1");
    await fleet.register("rnr_2");
    await fleet.token(CALLER.id, ["admin"]);
    return fleet;
  }

  /** Somebody who may do what the scopes say, until they may not any more. */
  token(id: string, scopes: readonly Scope[], over: { readonly expiresAt?: number; readonly orgId?: string } = {}) {
    return this.store.run("createToken", {
      id,
      org_id: over.orgId ?? ORG,
      name: id,
      scopes: JSON.stringify(scopes),
      hash: "",
      created_at: this.now,
      expires_at: over.expiresAt ?? null,
    });
  }

  revoke(id: string) {
    return this.store.run("revokeToken", { id, orgId: ORG, now: this.now });
  }

  register(id: string, over: Partial<Args<"registerRunner">> = {}) {
    const texts = { capabilities: "{}", labels: "{}", metadata: "{}", runtimeVersions: "{}" };
    return this.store.run("registerRunner", {
      id,
      orgId: ORG,
      hostname: id,
      ...texts,
      publicKey: null,
      maxRunners: 10,
      now: this.now,
      actor: CALLER,
      ...over,
    });
  }

  /** Makes a plugin known, or lets it come with another manifest; the hash of a manifest is that of its text. */
  registerPlugin(name: string, over: Partial<Args<"registerPlugin">> = {}) {
    const manifest = over.manifest ?? name;
    return this.store.run("registerPlugin", {
      ...this.plugin(name),
      id: `plg_${name}`,
      version: "1.0.0",
      origin: "elsewhere",
      manifest,
      manifestHash: sha256(manifest),
      maxPlugins: 10,
      ...over,
    });
  }

  /** Makes a webhook that asks for these events. */
  createWebhook(id: string, events: readonly string[] = ["*"], over: Partial<Args<"createWebhook">> = {}) {
    return this.store.run("createWebhook", {
      id,
      orgId: ORG,
      url: `https://hooks.example/${id}`,
      events,
      origin: "api",
      secret: new Uint8Array([1]),
      secretVersion: 1,
      maxWebhooks: 10,
      now: this.now,
      actor: CALLER,
      ...over,
    });
  }

  /** What every unit wants to know that is about a webhook. */
  webhook(webhookId: string) {
    return { webhookId, orgId: ORG, now: this.now, actor: CALLER };
  }

  /** Takes what is due of a webhook, under a lease of a second. */
  async claim(webhookId: string, count = 10) {
    const { claimed } = await this.store.run("claimDeliveries", {
      wanted: [{ webhookId, count }],
      now: this.now,
      leaseUntil: this.now + 1_000,
    });
    return claimed;
  }

  /** What every unit wants to know that is about a plugin. */
  plugin(name: string) {
    return { orgId: ORG, name, now: this.now, actor: CALLER };
  }

  /** Makes a run of these steps; a text stands for a command of that name. Without `needs`, each needs the one before. */
  createRun(steps: readonly (StepInput | string)[], over: Partial<Args<"createRun">> = {}): Promise<RunOutcome> {
    return this.store.run("createRun", this.runArgs(steps, over));
  }

  runArgs(steps: readonly (StepInput | string)[], over: Partial<Args<"createRun">> = {}): Args<"createRun"> {
    return {
      id: `run_${String(++this.#runs).padStart(6, "0")}`,
      orgId: ORG,
      projectId: "default",
      header: this.header(),
      repo: null,
      steps: planOf(steps),
      makeProject: true,
      now: this.now,
      actor: CALLER,
      ...over,
    };
  }

  header(over: Partial<Args<"createRun">["header"]> = {}): Args<"createRun">["header"] {
    return {
      name: null,
      goal: "a goal",
      source: "plan",
      taskType: null,
      fromRunId: null,
      referenceRunId: null,
      baseManifest: null,
      timeoutMs: null,
      createdBy: "token:tok_1",
      traceparent: null,
      createdAt: this.now,
      ...over,
    };
  }

  /** Gives the next attempt at a step to a runner. */
  async lease(
    runId: string,
    stepIndex: number,
    over: Partial<Args<"leaseAttempt">> = {},
  ): Promise<Held & LeasedAttempt> {
    const leased = await this.offer(runId, stepIndex, over);
    if (leased.attemptId === null) throw new Error(`step ${stepIndex} of run ${runId} is held back`);
    return { ...leased, runnerId: over.runnerId ?? "rnr_1" };
  }

  /** The same, where it may be held back. */
  async offer(runId: string, stepIndex: number, over: Partial<Args<"leaseAttempt">> = {}) {
    const { manifest, steps } = await this.progress(runId);
    const number = (steps[stepIndex]?.attempts.length ?? 0) + 1;
    return this.store.run("leaseAttempt", {
      runId,
      stepIndex,
      number,
      runnerId: "rnr_1",
      envelopeHash: ENVELOPE,
      manifest,
      approvals: [],
      now: this.now,
      ...over,
    });
  }

  start(held: Held, over: Partial<Args<"startAttempt">> = {}) {
    const sandbox = { engine: "none", network: "host" };
    return this.store.run("startAttempt", { ...heldOf(held), envelopeHash: ENVELOPE, sandbox, now: this.now, ...over });
  }

  /** Ends an attempt; without a word about the result, with success. */
  finish(held: Held, result: Partial<AttemptResult> = {}, over: Partial<Args<"finishAttempt">> = {}) {
    return this.store.run("finishAttempt", { ...heldOf(held), result: resultOf(result), now: this.now, ...over });
  }

  /** Leases, starts and ends an attempt at a step. */
  async attempt(runId: string, stepIndex: number, result: Partial<AttemptResult> = {}): Promise<Held> {
    const held = await this.lease(runId, stepIndex);
    await this.start(held);
    await this.finish(held, result);
    return held;
  }

  lose(held: Held, over: Partial<Args<"loseAttempt">> = {}) {
    const { attemptId, epoch } = held;
    return this.store.run("loseAttempt", {
      attemptId,
      epoch,
      reason: "runner_lost",
      message: "no word",
      now: this.now,
      ...over,
    });
  }

  cancel(runId: string, over: Partial<Args<"cancelRun">> = {}) {
    return this.store.run("cancelRun", {
      runId,
      orgId: ORG,
      mode: "cancel",
      because: "cancelled",
      now: this.now,
      actor: CALLER,
      ...over,
    });
  }

  resolve(gateId: string, move: Args<"resolveGate">["move"], over: Partial<Args<"resolveGate">> = {}) {
    return this.store.run("resolveGate", { gateId, orgId: ORG, move, now: this.now, actor: CALLER, ...over });
  }

  /** Sends one piece of output, a text at an offset. */
  async output(held: Held, offset: number, text: string, over: Partial<OutputPiece> & { maxBytes?: number } = {}) {
    const { maxBytes = 1_000_000, ...piece } = over;
    const bytes = Buffer.from(text);
    const { attemptId, epoch, runnerId } = held;
    const pieces = [{ attemptId, epoch, stream: "stdout" as const, offset, length: bytes.length, bytes, ...piece }];
    const [verdict] = await this.store.run("appendOutput", { runnerId, pieces, maxBytes, now: this.now });
    return verdict;
  }

  /** Fires every timer whose time has come. */
  async fireDue(): Promise<void> {
    const due = await this.store.all<{ id: string }>(
      "SELECT id FROM timers WHERE due_at <= ? ORDER BY due_at",
      this.now,
    );
    for (const { id } of due) await this.fire(id);
  }

  fire(id: string) {
    return this.store.run("fireTimer", { id, now: this.now });
  }

  async timers(): Promise<{ id: string; due_at: number }[]> {
    return this.store.all("SELECT id, due_at FROM timers ORDER BY due_at, id");
  }

  async progress(runId: string): Promise<RunProgress> {
    const row = await this.store.get<{ progress: string }>("SELECT progress FROM runs WHERE id = ?", runId);
    return JSON.parse(row?.progress ?? "null") as RunProgress;
  }

  /** The run's state and those of its steps, in order: `running: succeeded ready`. */
  async states(runId: string): Promise<string> {
    const rows = await this.store.view(() => readRunRows(runId, ORG));
    return `${rows?.run.state}: ${(await this.progress(runId)).steps.map(({ state }) => state).join(" ")}`;
  }

  /** The types of a stream's events after a number. */
  async events(stream: string, after = 0): Promise<string[]> {
    return (await this.store.view(() => readEvents(stream, after, 1_000))).map(({ type }) => type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
  }
}

/** A whole result out of what differs from plain success. */
export function resultOf(result: Partial<AttemptResult>): AttemptResult {
  return { outcome: "succeeded", streams: [], artifacts: [], ...result };
}

export function heldOf({ attemptId, epoch, runnerId }: Held): Held {
  return { attemptId, epoch, runnerId };
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** How a unit answers: `taken`, or the code of its refusal. */
export async function verdictOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "taken";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** A step that asks a person. */
export function gate(name: string, over: Partial<StepInput> = {}): StepInput {
  return { name, tool: "gate:manual", ...over };
}

/** Steps as the planner leaves them: defaults filled in and needs named. */
export function planOf(steps: readonly (StepInput | string)[]): PlannedStep[] {
  const inputs = steps.map((step) => (typeof step === "string" ? { name: step, tool: "command" } : step));
  return inputs.map((input, index) => {
    const before = inputs[index - 1];
    const step = StepSchema.parse(input);
    const needs = step.needs ?? (before ? [before.name] : []);
    return {
      ...step,
      needs,
      inputs: step.inputs ?? {},
      command: null,
      environment: {},
      gates: [],
      key: sha256(step.name),
    };
  });
}
