import { limit, type SessionCommand } from "@signalbox/protocol";

import type { Packing, TakenDiff, WorkspaceDiff } from "../diff/workspace-diff.ts";
import { toStepError } from "../supervisor/step-error.ts";
import type { SessionJournal } from "./session-journal.ts";

/** Tells how a session's workspace differs from its base: after each turn, when somebody asks, and at the end. */
export class SessionDiffs implements AsyncDisposable {
  readonly #diff: WorkspaceDiff | undefined;
  readonly #journal: SessionJournal;
  #told: string | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor({ diff, journal }: { readonly diff: WorkspaceDiff | undefined; readonly journal: SessionJournal }) {
    this.#diff = diff;
    this.#journal = journal;
  }

  /** Makes ready in the background: before the agent is told anything, and after it has started, which goes first. */
  begin(): void {
    this.#diff?.begin();
  }

  /** A turn has ended. Should the machine be lost in the next one, this is what can still be published. */
  noteTurn(): void {
    this.#next(async () => {
      const taken = await this.#take("small");
      if (typeof taken !== "string") await this.#tell(taken, null, false);
    });
  }

  /** Somebody asks. */
  answer({ requestId, pack }: Extract<SessionCommand, { kind: "diff" }>): void {
    this.#next(async () => {
      const taken = await this.#take(pack);
      if (typeof taken !== "string") await this.#tell(taken, requestId, false);
      else await this.#journal.tell({ fact: "diff_failed", requestId, message: taken });
    });
  }

  /** The agent is gone: tells what it leaves, with what it takes to publish it. */
  async finish(): Promise<void> {
    this.#next(async () => {
      const taken = await this.#take(true);
      if (typeof taken !== "string") await this.#tell(taken, null, true);
    });
    await this.#last;
  }

  /** Nothing runs on after this. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#diff?.[Symbol.asyncDispose]();
  }

  /** One after the other, so that what is told last was taken last. Nothing of it holds the session up before its end. */
  #next(work: () => Promise<void>): void {
    this.#last = this.#last.then(work);
    // Looked at when the session is over.
    this.#last.catch(() => undefined);
  }

  /** Or why it cannot be told. */
  async #take(pack: Packing): Promise<TakenDiff | string> {
    if (!this.#diff) return "the session has no repository";
    try {
      return await this.#diff.take({ pack, signal: AbortSignal.timeout(limit("diff.answerMs")) });
    } catch (error) {
      if (isAbort(error)) return "the session is being stopped";
      const known = toStepError(error, "diff");
      if (!known) throw error;
      return known.message.slice(0, 4_000);
    }
  }

  /** After a turn that changed nothing there is nothing to tell. */
  async #tell({ stats, snapshot }: TakenDiff, requestId: string | null, isFinal: boolean): Promise<void> {
    if (requestId === null && !isFinal && this.#told === snapshot.tree) return;
    this.#told = snapshot.tree;
    await this.#journal.tell({ fact: "diff", requestId, stats, snapshot, isFinal });
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
