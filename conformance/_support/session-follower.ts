import { AgentEventSchema, type AgentEvent } from "@signalbox/agents";
import type { Client } from "@signalbox/client";
import { FINAL_SESSION_EVENTS, type Approval, type EventRecord, type Session } from "@signalbox/protocol";
import { eventually, PATIENCE_MS } from "@signalbox/testkit";

/** Follows a session as a client would: its events from the first one on, and every word of its agent. */
export class SessionFollower implements AsyncDisposable {
  readonly sessionId: string;
  readonly events: EventRecord[] = [];
  readonly said: AgentEvent[] = [];
  readonly #client: Client;
  readonly #leaving = new AbortController();
  readonly #reading: readonly Promise<void>[];

  constructor(client: Client, sessionId: string, runId: string) {
    this.sessionId = sessionId;
    this.#client = client;
    this.#reading = [this.#readEvents(), this.#readWords(runId)];
  }

  /** All that the agent has said so far, in one piece. */
  get words(): string {
    return this.said.map((event) => (event.type === "text.delta" ? event.text : "")).join("");
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** Resolves with what a question answers, as soon as that is something. */
  async until<T>(look: (follower: SessionFollower) => T | undefined | false, what = "what was waited for"): Promise<T> {
    return eventually(
      () => {
        const found = look(this);
        if (found === undefined || found === false)
          throw new Error(`${what} has not come; events: ${this.types.join(" ")}; words: ${this.words}`);
        return found;
      },
      // A real agent may take seconds to begin.
      { timeoutMs: 2 * PATIENCE_MS },
    );
  }

  /** The `count`th approval that was asked for, with all its content. */
  async approval(count = 1): Promise<Approval> {
    const asked = await this.until(
      () => this.events.filter(({ type }) => type === "approval.requested")[count - 1],
      `approval ${count}`,
    );
    return this.#client.approvals.get((asked.data as { approvalId: string }).approvalId);
  }

  /** Resolves when so many turns are over; how the last of them ended. */
  async turnEnd(count: number): Promise<EventRecord> {
    return this.until(() => this.events.filter(({ type }) => type === "turn.ended")[count - 1], `end of turn ${count}`);
  }

  /** Resolves when the session's log and its agent's words have ended. */
  async end(): Promise<Session> {
    await this.until(() => this.types.some((type) => FINAL_SESSION_EVENTS.has(type)), "the end");
    await Promise.all(this.#reading);
    return this.#client.sessions.get(this.sessionId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await Promise.allSettled(this.#reading);
  }

  async #readEvents(): Promise<void> {
    for await (const item of this.#client.sessions.watch(this.sessionId, { signal: this.#leaving.signal })) {
      if ("gap" in item) throw new Error("events are missing");
      this.events.push(item);
    }
  }

  async #readWords(runId: string): Promise<void> {
    const decoders = new Map<string, { readonly decoder: InstanceType<typeof TextDecoder>; rest: string }>();
    const options = { stream: "agent", signal: this.#leaving.signal } as const;
    for await (const { attemptId, bytes, gap } of this.#client.runs.watchOutput(runId, options)) {
      if (gap !== undefined) throw new Error(`words are missing: ${gap}`);
      const reader = decoders.get(attemptId) ?? { decoder: new TextDecoder(), rest: "" };
      decoders.set(attemptId, reader);
      const lines = (reader.rest + reader.decoder.decode(bytes, { stream: true })).split("\n");
      reader.rest = lines.pop() ?? "";
      for (const line of lines) this.said.push(AgentEventSchema.parse(JSON.parse(line)));
    }
  }
}
