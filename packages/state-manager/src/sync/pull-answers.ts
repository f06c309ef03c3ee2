import type { Clock, Timer } from "../clock.ts";
import { encodeState } from "../codec/state-codec.ts";
import { versionsOf } from "../codec/versions-codec.ts";
import type { Replica } from "../crdt/replica.ts";
import { limit } from "../limits.ts";
import type { More, Page, Pull } from "./messages.ts";
import type { RecentDeltas } from "./recent-deltas.ts";

/** What one asker is given, all of one moment, so that the pages fit together. */
interface Answer {
  readonly transfer: number;
  readonly kind: Page["kind"];
  readonly pages: readonly (readonly Uint8Array[])[];
  /** Forgets it when nobody asks for more. */
  timer: Timer;
}

export interface PullAnswersOptions {
  readonly replica: Replica;
  readonly recent: RecentDeltas;
  readonly clock: Clock;
  readonly send: (page: Page) => void;
}

/** Gives other replicas what they lack: the deltas that they missed while those are at hand, otherwise the state. */
export class PullAnswers {
  readonly #options: PullAnswersOptions;
  readonly #answers = new Map<string, Answer>();

  constructor(options: PullAnswersOptions) {
    this.#options = options;
  }

  /** Answers with the first page. Where too many ask at a time, the one who has waited longest has to ask again. */
  answer(pull: Pull): void {
    this.#forget(pull.from);
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined && this.#answers.size >= limit("pull.answers")) this.#forget(oldest);
    this.#answers.set(pull.from, { ...this.#make(pull), transfer: pull.transfer, timer: this.#expireLater(pull.from) });
    this.#send(pull, 0);
  }

  /** Sends another page, or the same again. */
  more(more: More): void {
    this.#send(more, more.index);
  }

  close(): void {
    for (const from of this.#answers.keys()) this.#forget(from);
  }

  #make({ versions, isWhole }: Pull): Pick<Answer, "kind" | "pages"> {
    const { replica, recent } = this.#options;
    const deltas = isWhole ? undefined : recent.between(versions, versionsOf(replica));
    if (deltas) return { kind: "deltas", pages: inPages(deltas) };
    const pages = encodeState(replica, { pageBytes: limit("delta.bytes"), seen: versions });
    return { kind: "state", pages: pages.map((page) => [page]) };
  }

  #send({ from, to, transfer }: Pull | More, index: number): void {
    const answer = this.#answers.get(from);
    const parts = answer?.transfer === transfer ? answer.pages[index] : undefined;
    if (!answer || !parts) return;
    answer.timer.cancel();
    answer.timer = this.#expireLater(from);
    const { kind, pages } = answer;
    this.#options.send({ type: "page", from: to, to: from, transfer, index, count: pages.length, kind, parts });
  }

  #expireLater(from: string): Timer {
    return this.#options.clock.setTimer(limit("pull.tries") * limit("pull.timeoutMs"), () => this.#forget(from));
  }

  #forget(from: string): void {
    this.#answers.get(from)?.timer.cancel();
    this.#answers.delete(from);
  }
}

/** What a part takes of a page beside its bytes. */
const PART_BYTES = 8;

/** Deltas in pages that the bus takes; one page at least. */
function inPages(deltas: readonly Uint8Array[]): Uint8Array[][] {
  const pages: Uint8Array[][] = [[]];
  let bytes = 0;
  for (const delta of deltas) {
    const size = delta.length + PART_BYTES;
    if (bytes > 0 && bytes + size > limit("delta.bytes")) {
      pages.push([]);
      bytes = 0;
    }
    pages.at(-1)?.push(delta);
    bytes += size;
  }
  return pages;
}
