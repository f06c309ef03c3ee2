import type { AttemptResult, Budget, SessionFact, Usage } from "@signalbox/protocol";
import {
  readApprovals,
  readCommands,
  readRun,
  readSession,
  verifyStore,
  type RunLedger,
  type SessionProgress,
} from "@signalbox/store";

import { CALLER, Fleet, type Held, ORG } from "./fleet.ts";
import { READY } from "./session-rig.ts";

/** A run of several agents that share a budget, side by side: what each reports, and what becomes of all. */
export class BudgetRig implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly runId: string;
  readonly #held = new Map<number, { held: Held; offset: number; used: number }>();

  constructor(fleet: Fleet, runId: string) {
    this.fleet = fleet;
    this.runId = runId;
  }

  /** A run with one agent for each entry; an entry is what its step may use by itself, or null. */
  static async open(
    budget: Budget | null,
    own: readonly (Budget | null)[],
    over: { readonly tool?: "codegen" | "agent:codex"; readonly inOrder?: boolean } = {},
  ): Promise<BudgetRig> {
    const fleet = await Fleet.open();
    const tool = over.tool ?? "agent:codex";
    const words = tool === "codegen" ? { prompt: "Do it" } : { task: "Do it" };
    const steps = own.map((mine, index) => ({
      name: `agent-${index}`,
      tool,
      inputs: { ...words, ...(mine && { budget: mine }) } as never,
      ...(over.inOrder ? {} : { needs: [] }),
    }));
    const { runId } = await fleet.createRun(steps, { header: fleet.header({ budget }) });
    return new BudgetRig(fleet, runId);
  }

  sessionId(step: number): string {
    return `${this.runId.replace("run_", "ses_")}.${step}`;
  }

  /** Gives a step to a runner, where its agent is ready. */
  async begin(step: number, over: Parameters<Fleet["lease"]>[2] = {}): Promise<void> {
    await this.#start(step, await this.fleet.lease(this.runId, step, over));
  }

  /** The same where the run's budget allows it; else the step waits. */
  async beginOrWait(step: number): Promise<void> {
    const leased = await this.tryBegin(step);
    if (leased.attemptId !== null) await this.#start(step, { ...leased, runnerId: "rnr_1" });
  }

  async #start(step: number, held: Held): Promise<void> {
    await this.fleet.start(held);
    this.#held.set(step, { held, offset: 0, used: 0 });
    await this.bytes(step, READY);
    await this.record(step, { fact: "turn_started" });
  }

  /** Whether a runner holds a step. */
  async isLive(step: number): Promise<boolean> {
    return (await this.fleet.progress(this.runId)).steps[step]?.live !== null;
  }

  /** Tries to give a step to a runner. */
  async tryBegin(step: number, over: Record<string, unknown> = {}) {
    const { manifest, steps } = await this.fleet.progress(this.runId);
    return this.fleet.store.run("leaseAttempt", {
      runId: this.runId,
      stepIndex: step,
      number: (steps[step]?.attempts.length ?? 0) + 1,
      runnerId: "rnr_1",
      envelopeHash: "e".repeat(64),
      manifest,
      approvals: [],
      now: this.fleet.now,
      ...over,
    });
  }

  /** The agent of a step says how much it has used since its start. */
  use(step: number, tokens: number, costUsd?: number) {
    const usage: Usage = { inputTokens: tokens, outputTokens: 0, ...(costUsd !== undefined && { costUsd }) };
    return this.record(step, { fact: "usage", usage });
  }

  /** It says that it has used so many more. */
  useMore(step: number, tokens: number) {
    const live = this.#held.get(step);
    if (!live) throw new Error(`no runner holds step ${step}`);
    live.used += tokens;
    return this.use(step, live.used);
  }

  record(step: number, ...facts: SessionFact[]) {
    return this.bytes(step, facts.map((fact) => `${JSON.stringify(fact)}\n`).join(""));
  }

  async bytes(step: number, text: string) {
    const live = this.#held.get(step);
    if (!live) throw new Error(`no runner holds step ${step}`);
    const verdicts = await this.fleet.output(live.held, live.offset, text, { stream: "session" });
    live.offset += Buffer.byteLength(text);
    return verdicts;
  }

  held(step: number): Held {
    const live = this.#held.get(step);
    if (!live) throw new Error(`no runner holds step ${step}`);
    return live.held;
  }

  /** The agent of a step is done. */
  finish(step: number, result: Partial<AttemptResult> = {}) {
    const live = this.#held.get(step);
    const streams = [{ stream: "session" as const, length: live?.offset ?? 0, sha256: "0".repeat(64) }];
    return this.fleet.finish(this.held(step), { streams, ...result });
  }

  async ledger(): Promise<RunLedger | null> {
    const row = await this.fleet.store.view(() => readRun(this.runId, ORG));
    return row?.ledger ? (JSON.parse(row.ledger) as RunLedger) : null;
  }

  /** What waits for an answer: the step of each, in order. */
  async asked(): Promise<string[]> {
    const open = await this.fleet.store.view(() => readApprovals({ orgId: ORG, state: "pending", limit: 100 }));
    return open
      .map(({ session_id: id, content }) => {
        return `${id.split(".").at(-1) ?? ""} ${(JSON.parse(content) as { action: string }).action}`;
      })
      .sort();
  }

  async answer(step: number, move: "allow" | "deny") {
    const open = await this.fleet.store.view(() =>
      readApprovals({ orgId: ORG, state: "pending", sessionId: this.sessionId(step), limit: 1 }),
    );
    const args = { orgId: ORG, now: this.fleet.now, actor: CALLER, scope: "once" as const };
    return this.fleet.store.run("resolveApproval", { ...args, approvalId: open[0]?.id ?? "", move });
  }

  async commands(step: number): Promise<string[]> {
    const rows = await this.fleet.store.view(() => readCommands(this.sessionId(step), 0));
    return rows.map(({ command }) => (JSON.parse(command) as { kind: string }).kind);
  }

  async session(step: number) {
    const row = await this.fleet.store.view(() => readSession(this.sessionId(step), ORG));
    return row && { state: row.state, ...(JSON.parse(row.progress) as SessionProgress) };
  }

  /** What a check of the whole store finds. */
  async problems() {
    return (await verifyStore(this.fleet.store, { now: this.fleet.now })).problems;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }
}
