import { limit } from "@signalbox/protocol";

import { Refusal } from "../refusal.ts";
import type { EventStream } from "../event-stream.ts";

/** The streams that are open now, counted for each principal. */
export class OpenStreams {
  readonly #perPrincipal: number;
  readonly #counts = new Map<string, number>();
  readonly #streams = new Set<EventStream>();

  constructor(perPrincipal: number = limit("reader.perPrincipal")) {
    this.#perPrincipal = perPrincipal;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Takes one of the principal's places, or refuses with RATE_LIMITED. The place is given back by what is returned. */
  take(principalId: string): () => void {
    const count = this.#counts.get(principalId) ?? 0;
    if (count >= this.#perPrincipal) {
      throw new Refusal("RATE_LIMITED", `${count} streams are open already, as many as one token may have`, {
        limit: this.#perPrincipal,
      });
    }
    this.#counts.set(principalId, count + 1);
    return () => this.#giveBack(principalId);
  }

  add(stream: EventStream): void {
    this.#streams.add(stream);
  }

  remove(stream: EventStream): void {
    this.#streams.delete(stream);
  }

  /** Ends all of them; their readers come back elsewhere with their cursors. */
  endAll(): void {
    for (const stream of this.#streams) stream.close("shutdown");
  }

  #giveBack(principalId: string): void {
    const count = (this.#counts.get(principalId) ?? 1) - 1;
    if (count === 0) this.#counts.delete(principalId);
    else this.#counts.set(principalId, count);
  }
}
