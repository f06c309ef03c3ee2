import { readRunRows, type OutputPiece, type RunProgress } from "@signalbox/store";

import { Fleet, gate, heldOf, ORG, type Held } from "./fleet.ts";

/** A plan as a generator of tests draws it: for each step, which of those before it needs, and whether it asks a person. */
export interface DrawnStep {
  readonly needs: readonly boolean[];
  readonly isGate: boolean;
  readonly maxAttempts: number;
  readonly maxLost: number;
  readonly initialDelayMs: number;
}

const REASONS = ["tool_failure", "timeout", "sandbox_unavailable", "policy_refused"] as const;
const ENDINGS = ["succeeded", "failed", "failed", "skipped", "cancelled", "interrupted"] as const;
const FENCED = new Set(["FENCED", "ATTEMPT_NOT_FOUND"]);

/** A fleet in which everything that can go wrong does, as the drawn numbers say. It throws where a refusal was due. */
export class FaultyFleet implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly runId: string;
  /** Every attempt that was ever leased: what a runner that was thought lost may still speak of. */
  readonly #held: Held[] = [];
  readonly #gone = new Set<string>();

  constructor(fleet: Fleet, runId: string) {
    this.fleet = fleet;
    this.runId = runId;
  }

  static async open(plan: readonly DrawnStep[], timeoutMs: number | null): Promise<FaultyFleet> {
    const fleet = await Fleet.open();
    const steps = plan.map(({ needs, isGate, maxAttempts, maxLost, initialDelayMs }, index) => ({
      ...(isGate ? gate(`s${index}`, { inputs: { expiresInMs: 60_000 } }) : { name: `s${index}`, tool: "command" }),
      needs: needs.slice(0, index).flatMap((isNeeded, need) => (isNeeded ? [`s${need}`] : [])),
      retry: { maxAttempts, maxLost, initialDelayMs },
    }));
    const { runId } = await fleet.createRun(steps, { header: fleet.header({ timeoutMs }) });
    return new FaultyFleet(fleet, runId);
  }

  /** Does one thing that somebody might do now, or that arrives late, twice or forged. */
  async disturb(kind: number, choice: number): Promise<void> {
    // Mostly of what is going on, at times of what is long over.
    const held =
      choice % 4 === 0 ? this.#held[choice % Math.max(1, this.#held.length)] : this.#held.at(-1 - (choice % 3));
    const { fleet, runId } = this;
    const actions: (() => Promise<unknown>)[] = [
      () => this.#leaseAny(choice),
      () => this.#leaseAny(choice),
      async () => held && fleet.start(held),
      async () => held && fleet.start(held),
      async () =>
        held &&
        fleet.finish(held, {
          outcome: ENDINGS[choice % ENDINGS.length] ?? "failed",
          reason: REASONS[choice % REASONS.length],
        }),
      async () => held && fleet.finish(held),
      async () => held && fleet.lose(held, { reason: choice % 2 === 0 ? "runner_lost" : "interrupted" }),
      async () =>
        held &&
        fleet.output(held, choice % 12, "0123456789".slice(0, choice % 7), {
          maxBytes: 60,
          stream: choice % 3 === 0 ? "stderr" : "stdout",
        }),
      async () => held && fleet.output(held, choice % 12, "", { length: 3, gap: "lost" }),
      async () => held && fleet.store.run("reportProgress", { ...heldOf(held), percent: choice % 100, now: fleet.now }),
      async () => held && this.#forge(held, choice),
      () => this.#fireAny(choice),
      () => this.#answerAny(choice),
      () => this.#changeRunner(choice),
      // Rare, because little happens after it.
      async () => choice % 24 === 0 && fleet.cancel(runId, { mode: choice % 48 === 0 ? "cancel" : "abort" }),
      async () => (fleet.now += choice % 3_000),
    ];
    await this.#tolerant(actions[kind % actions.length] ?? (async () => {}));
  }

  /** From here on all goes well: whatever waits is served until nothing does. Returns the run's state. */
  async heal(): Promise<string> {
    const { fleet, runId } = this;
    await fleet.register("rnr_new");
    for (let round = 0; round < 400; round++) {
      const rows = await fleet.store.view(() => readRunRows(runId, ORG));
      const progress = await fleet.progress(runId);
      if (progress.endedAt !== null) return rows?.run.state ?? "";
      await this.#serve(
        progress,
        rows?.gates.find(({ state, expires_at }) => state === "pending" && expires_at > fleet.now)?.id,
      );
    }
    return `stuck: ${await fleet.states(runId)}`;
  }

  async #serve(progress: RunProgress, gateId: string | undefined): Promise<void> {
    const { fleet, runId } = this;
    const waiting = progress.steps.findIndex(({ state, live }) => state === "ready" && live === null);
    const live = progress.steps.findIndex((step) => step.live !== null);
    if (gateId !== undefined) await fleet.resolve(gateId, "approve");
    else if (waiting >= 0) await this.#keep(fleet.lease(runId, waiting, { runnerId: "rnr_new" }));
    else if (live >= 0) await this.#endLive(progress, live);
    else await this.#fireNext();
  }

  async #endLive(progress: RunProgress, index: number): Promise<void> {
    const step = progress.steps[index];
    const held = this.#held.find(
      ({ attemptId, epoch }) => attemptId.endsWith(`.${index}.${step?.live}`) && epoch === step?.live,
    );
    if (!held) throw new Error(`step ${index} has an attempt that nobody was given`);
    // The runner stops what is being cancelled, and does the rest.
    await this.fleet.finish(held, progress.cancelRequestedAt === null ? {} : { outcome: "cancelled" });
  }

  async #fireNext(): Promise<void> {
    const [timer] = await this.fleet.timers();
    if (!timer) throw new Error(`nothing will ever move ${await this.fleet.states(this.runId)}`);
    this.fleet.now = Math.max(this.fleet.now, timer.due_at);
    await this.fleet.fire(timer.id);
  }

  async #leaseAny(choice: number): Promise<void> {
    const { steps } = await this.fleet.progress(this.runId);
    const ready = [...steps.keys()].filter((index) => steps[index]?.state === "ready" && steps[index].live === null);
    const isRight = choice % 5 !== 0 && ready.length > 0;
    const index = isRight ? (ready[choice % ready.length] ?? 0) : choice % (steps.length + 1);
    const number = (steps[index]?.attempts.length ?? 0) + (isRight || choice % 2 === 0 ? 1 : 2);
    await this.#keep(this.fleet.lease(this.runId, index, { runnerId: choice % 2 === 0 ? "rnr_1" : "rnr_2", number }));
  }

  async #keep(leased: Promise<Held>): Promise<void> {
    this.#held.push(heldOf(await leased));
  }

  /** A write under another epoch or by another runner: every one must be refused, and change nothing. */
  async #forge(held: Held, choice: number): Promise<void> {
    const forged =
      choice % 3 === 0
        ? { ...held, runnerId: "rnr_forged" }
        : { ...held, epoch: held.epoch + (choice % 2 === 0 ? 1 : -1) };
    const { fleet } = this;
    const before = await fleet.progress(this.runId);
    const refusals = await Promise.allSettled([
      fleet.start(forged),
      fleet.store.run("reportProgress", { ...heldOf(forged), percent: 1, now: fleet.now }),
      fleet.finish(forged, { outcome: ENDINGS[choice % ENDINGS.length] ?? "failed" }),
      forged.epoch === held.epoch ? Promise.reject(Object.assign(new Error(), { code: "FENCED" })) : fleet.lose(forged),
    ]);
    for (const refusal of refusals) {
      if (refusal.status === "fulfilled") throw new Unfenced(`a write under ${JSON.stringify(forged)} was taken`);
      if (!FENCED.has((refusal.reason as { code: string }).code)) throw refusal.reason;
    }
    const verdict = await fleet.output(forged, 0, "forged", { maxBytes: 1_000 } satisfies Partial<OutputPiece> & {
      maxBytes: number;
    });
    if (verdict?.kind !== "fenced") throw new Unfenced(`output under ${JSON.stringify(forged)} was taken`);
    const after = await fleet.progress(this.runId);
    if (JSON.stringify(before) !== JSON.stringify(after))
      throw new Unfenced(`a refused write under ${JSON.stringify(forged)} had an effect`);
  }

  async #fireAny(choice: number): Promise<void> {
    const timers = await this.fleet.timers();
    const timer = timers[choice % Math.max(1, timers.length)];
    if (!timer) return;
    if (choice % 2 === 0) this.fleet.now = Math.max(this.fleet.now, timer.due_at);
    await this.fleet.fire(timer.id);
    if (choice % 3 === 0) await this.fleet.fire(timer.id);
  }

  async #answerAny(choice: number): Promise<void> {
    const gates = await this.fleet.store.all<{ id: string }>("SELECT id FROM gates");
    const gateId = gates[choice % Math.max(1, gates.length)]?.id;
    if (gateId !== undefined) await this.fleet.resolve(gateId, choice % 4 === 0 ? "deny" : "approve");
  }

  async #changeRunner(choice: number): Promise<void> {
    const runnerId = choice % 2 === 0 ? "rnr_1" : "rnr_2";
    const move = (["drain", "resume", "resume"] as const)[choice % 3] ?? "resume";
    if (choice % 5 === 0) await this.fleet.store.run("silenceRunners", { runnerIds: [runnerId], now: this.fleet.now });
    else
      await this.fleet.store.run("changeRunner", {
        runnerId,
        move,
        now: this.fleet.now,
        actor: { kind: "token", id: "t" },
      });
  }

  /** What is refused with a code has had no effect, and is part of life; anything else is a bug. */
  async #tolerant(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof Unfenced || typeof (error as { code?: unknown }).code !== "string") throw error;
      this.#gone.add((error as { code: string }).code);
    }
  }

  /** The codes of all refusals so far. */
  get refusals(): ReadonlySet<string> {
    return this.#gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }
}

class Unfenced extends Error {
  override readonly name = "Unfenced";
}
