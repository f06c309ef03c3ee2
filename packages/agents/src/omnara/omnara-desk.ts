import type { News } from "../session/news.ts";
import { toError } from "../to-error.ts";
import { readInteraction } from "./omnara-forms.ts";
import type { OmnaraInteraction } from "./omnara-frames.ts";

/** What a desk works with. */
export interface OmnaraDeskParts {
  /** Everything that the agent waits for now. */
  readonly list: () => Promise<readonly OmnaraInteraction[]>;
  readonly tell: (news: readonly News[]) => void;
  readonly complain: (words: string) => void;
}

/**
 * What an agent at Omnara waits for, as it is known here. Omnara announces no interactions and tells of no ends: they are
 * listed, and what is new, or gone, is told. Looks come one after the other.
 */
export class OmnaraDesk {
  readonly #parts: OmnaraDeskParts;
  readonly #asked = new Map<string, OmnaraInteraction>();
  /** Answered from here: a list that was made before must not ask it again. */
  readonly #answered = new Set<string>();
  #round = 0;
  #looking: Promise<void> | undefined;
  #isLookedForAgain = false;

  constructor(parts: OmnaraDeskParts) {
    this.#parts = parts;
  }

  /** Never rejects: a look that failed is made up for by the next. */
  async look(): Promise<void> {
    if (this.#looking) {
      this.#isLookedForAgain = true;
      return this.#looking;
    }
    this.#looking = this.#lookOnce();
    await this.#looking;
    this.#looking = undefined;
    if (!this.#isLookedForAgain) return;
    this.#isLookedForAgain = false;
    await this.look();
  }

  /** The interaction that an answer is for, which counts once. */
  take(id: string): OmnaraInteraction | undefined {
    const interaction = this.#asked.get(id);
    this.#asked.delete(id);
    if (interaction) this.#answered.add(id);
    return interaction;
  }

  /** The answer did not reach it. */
  putBack(id: string): void {
    this.#answered.delete(id);
  }

  /** Somebody answered it, here or there. */
  settle(id: string): void {
    if (this.#asked.delete(id)) this.#parts.tell([{ news: "settled", key: id }]);
  }

  /** Its turn is over, and all of it. */
  clear(): void {
    this.#round++;
    this.#asked.clear();
    this.#answered.clear();
  }

  async #lookOnce(): Promise<void> {
    const round = this.#round;
    const before = [...this.#asked.keys()];
    try {
      const open = await this.#parts.list();
      if (round !== this.#round) return;
      const ids = new Set(open.map(({ id }) => id));
      for (const id of before) if (!ids.has(id)) this.settle(id);
      for (const interaction of open) this.#ask(interaction);
    } catch (error) {
      this.#parts.complain(`omnara's interactions cannot be read: ${toError(error).message}`);
    }
  }

  #ask(interaction: OmnaraInteraction): void {
    const { id } = interaction;
    if (this.#asked.has(id) || this.#answered.has(id)) return;
    this.#asked.set(id, interaction);
    this.#parts.tell([readInteraction(interaction)]);
  }
}
