import { setTimeout as sleep } from "node:timers/promises";
import type { AgentContext, SessionUpdate, StopReason } from "@agentclientprotocol/sdk";
import type { AgentHost } from "./agent-host.ts";
import type { ScriptedSession } from "./scripted-session.ts";

/** Thrown to end a turn before its last step. */
export class TurnEnd extends Error {
  override readonly name = "TurnEnd";
  readonly reason: StopReason;

  constructor(reason: StopReason) {
    super(`the turn has ended: ${reason}`);
    this.reason = reason;
  }
}

/** One prompt and what is played for it. */
export class Turn {
  readonly host: AgentHost;
  readonly session: ScriptedSession;
  readonly client: AgentContext;
  /** Whether the other side can be asked questions. */
  readonly canAsk: boolean;
  /** Aborted by a cancel that is listened to. */
  readonly signal: AbortSignal;
  /** What was last answered to a question. */
  lastAnswer = "";
  readonly #prompt: string;
  readonly #earlier: number;
  readonly #cancelling = new AbortController();
  #isDeaf = false;

  constructor(parts: Pick<Turn, "host" | "session" | "client" | "canAsk"> & { prompt: string; earlier: number }) {
    this.host = parts.host;
    this.session = parts.session;
    this.client = parts.client;
    this.canAsk = parts.canAsk;
    this.#prompt = parts.prompt;
    this.#earlier = parts.earlier;
    this.signal = this.#cancelling.signal;
  }

  /** Ends the turn as cancelled, unless it does not listen. */
  cancel(): void {
    if (!this.#isDeaf) this.#cancelling.abort(new TurnEnd("cancelled"));
  }

  ignoreCancel(): void {
    this.#isDeaf = true;
  }

  /** Tells the other side something; what belongs to the conversation is kept for those who load it. */
  async tell(update: SessionUpdate): Promise<void> {
    this.signal.throwIfAborted();
    await this.client.notify("session/update", { sessionId: this.session.id, update });
  }

  keep(update: SessionUpdate): void {
    this.session.file.keepUpdate(update);
  }

  /** A text with what stands in braces filled in. */
  fill(text: string): string {
    const values: Readonly<Record<string, string>> = {
      "{prompt}": this.#prompt,
      "{turn}": String(this.session.prompts),
      "{earlier}": String(this.#earlier),
      "{answer}": this.lastAnswer,
      "{cwd}": this.session.cwd,
    };
    return text.replaceAll(/\{(?:prompt|turn|earlier|answer|cwd)\}/g, (name) => values[name] ?? name);
  }

  /** Waits; a cancel ends the turn meanwhile. */
  async wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => undefined);
    this.signal.throwIfAborted();
  }

  /** What comes of some work, unless a cancel ends the turn before. */
  async unlessCancelled<Value>(work: Promise<Value>): Promise<Value> {
    this.signal.throwIfAborted();
    const cancelled = Promise.withResolvers<never>();
    const stop = (): void => cancelled.reject(this.signal.reason);
    this.signal.addEventListener("abort", stop);
    // When the turn has ended, nobody waits for the work any more.
    work.catch(() => undefined);
    try {
      return await Promise.race([cancelled.promise, work]);
    } finally {
      this.signal.removeEventListener("abort", stop);
    }
  }
}
