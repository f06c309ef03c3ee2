import { createInterface } from "node:readline";
import { Readable } from "node:stream";

import type { Session } from "@signalbox/protocol";

import type { SignalboxServer } from "../harness/signalbox.ts";

/** What an agent says, as a client follows it. Moments are those of `performance.now()`. */
export class AgentStream {
  /** Resolves when the session's run has ended. */
  readonly over: Promise<void>;
  readonly #session: Pick<Session, "sessionId" | "providerId">;
  readonly #words = new Map<number, PromiseWithResolvers<number>>();
  readonly #ends = new Map<number, PromiseWithResolvers<number>>();
  #turn = 0;

  constructor(
    server: Pick<SignalboxServer, "url" | "headers" | "call">,
    session: Pick<Session, "sessionId" | "providerId" | "runId">,
  ) {
    this.#session = session;
    this.over = this.#follow(server, session.runId);
    this.over.catch(() => undefined);
  }

  /** When the first words of a turn came, from 1. Rejects when the session ends without them. */
  words(turn: number): Promise<number> {
    return momentIn(this.#words, turn).promise;
  }

  /** When a turn was over. */
  end(turn: number): Promise<number> {
    return momentIn(this.#ends, turn).promise;
  }

  async #follow(server: Pick<SignalboxServer, "url" | "headers" | "call">, runId: string): Promise<void> {
    const address = `${server.url}/api/v1/runs/${runId}/output?format=raw&follow=true&stream=agent`;
    const { ok, status, body } = await fetch(address, { headers: server.headers });
    if (!ok || !body) throw new Error(`the output of ${runId}: ${status}`);
    for await (const line of createInterface({ input: Readable.fromWeb(body) })) this.#take(line);
    await this.#refuseRest(server);
  }

  /** The kind of an event stands at the beginning of its line. */
  #take(line: string): void {
    if (line.startsWith('{"type":"turn.started"')) this.#turn++;
    else if (line.startsWith('{"type":"text.delta"')) momentIn(this.#words, this.#turn).resolve(performance.now());
    else if (line.startsWith('{"type":"turn.ended"')) momentIn(this.#ends, this.#turn).resolve(performance.now());
  }

  /** Who still waits for a turn learns what became of the session. */
  async #refuseRest(server: Pick<SignalboxServer, "call">): Promise<void> {
    const { sessionId, providerId } = this.#session;
    const { state, message = "" } = await server.call<Session>("GET", `/sessions/${sessionId}`);
    const error = new Error(`session ${sessionId} of ${providerId} is ${state}: ${message}`);
    for (const moment of [...this.#words.values(), ...this.#ends.values()]) moment.reject(error);
  }
}

function momentIn(moments: Map<number, PromiseWithResolvers<number>>, turn: number): PromiseWithResolvers<number> {
  const known = moments.get(turn);
  if (known) return known;
  const made = Promise.withResolvers<number>();
  // It may be nobody's; whoever waits is told all the same.
  made.promise.catch(() => undefined);
  moments.set(turn, made);
  return made;
}
