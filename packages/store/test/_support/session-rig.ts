import type { RetryPolicy, Session, SessionFact } from "@signalbox/protocol";
import { readApprovals, readCommands, readSession, type SessionProgress } from "@signalbox/store";

import { CALLER, Fleet, type Held, ORG } from "./fleet.ts";

export const READY = `${JSON.stringify({ fact: "ready", nativeSessionId: "native-1", hasTerminal: false })}\n`;

/** A store with one session, and short ways to what its runner records and its people do. */
export class Rig implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly runId: string;
  readonly sessionId: string;
  #offset = 0;
  #held: Held | undefined;

  constructor(fleet: Fleet, runId: string) {
    this.fleet = fleet;
    this.runId = runId;
    this.sessionId = `${runId.replace("run_", "ses_")}.0`;
  }

  static async open(inputs: Record<string, unknown> = {}, retry: Partial<RetryPolicy> = {}): Promise<Rig> {
    const fleet = await Fleet.open();
    const { runId } = await fleet.createRun([
      { name: "session", tool: "agent:codex", inputs: { task: "Do it", ...inputs } as never, retry },
    ]);
    return new Rig(fleet, runId);
  }

  /** A session whose agent is ready on a runner. */
  static async ready(inputs: Record<string, unknown> = {}): Promise<Rig> {
    const rig = await Rig.open(inputs);
    await rig.hold();
    await rig.bytes(READY);
    return rig;
  }

  get held(): Held {
    if (!this.#held) throw new Error("no runner holds the session");
    return this.#held;
  }

  async hold(): Promise<void> {
    this.#held = await this.fleet.lease(this.runId, 0);
    this.#offset = 0;
    await this.fleet.start(this.held);
  }

  record(...facts: SessionFact[]) {
    return this.bytes(facts.map((fact) => `${JSON.stringify(fact)}\n`).join(""));
  }

  async bytes(text: string) {
    const verdict = await this.fleet.output(this.held, this.#offset, text, { stream: "session" });
    this.#offset += Buffer.byteLength(text);
    return verdict;
  }

  /** The agent took all that it was told, and ended its turn. */
  async turn(status: "completed" | "cancelled" | "failed" = "completed"): Promise<void> {
    await this.record({ fact: "turn_started" }, { fact: "turn_ended", status });
  }

  ask(requestId = "req-1") {
    return this.record({
      fact: "asked",
      requestId,
      kind: "permission",
      action: "run_command",
      description: "npm publish",
      context: { command: "npm publish" },
      questions: null,
    });
  }

  about() {
    return { sessionId: this.sessionId, orgId: ORG, now: this.fleet.now, actor: CALLER };
  }

  say(text: string, delivery: "queue" | "steer" = "queue") {
    return this.fleet.store.run("sendInput", { ...this.about(), text, delivery });
  }

  async resolve(move: "allow" | "deny" = "allow", over: Record<string, unknown> = {}) {
    const [approval] = await this.approvals();
    const args = { ...this.about(), approvalId: approval?.id ?? "", move, scope: "once" as const, ...over };
    return this.fleet.store.run("resolveApproval", args);
  }

  async row() {
    const row = await this.fleet.store.view(() => readSession(this.sessionId, ORG));
    if (!row) throw new Error("no session");
    return row;
  }

  async progress(): Promise<SessionProgress> {
    return JSON.parse((await this.row()).progress) as SessionProgress;
  }

  async state(): Promise<Session["state"]> {
    return (await this.row()).state;
  }

  approvals() {
    return this.fleet.store.view(() => readApprovals({ orgId: ORG, limit: 100 }));
  }

  async commands(): Promise<string[]> {
    const rows = await this.fleet.store.view(() => readCommands(this.sessionId, 0));
    return rows.map(({ command }) => {
      const { kind, text, decision, reason } = JSON.parse(command) as Record<string, string>;
      return [kind, text ?? decision ?? (kind === "close" ? reason : undefined)].filter(Boolean).join(" ");
    });
  }

  events(): Promise<string[]> {
    return this.fleet.events(this.sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }
}
