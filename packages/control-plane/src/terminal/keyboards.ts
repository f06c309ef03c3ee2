/** Who may type into each terminal: one client at a time. */
export class Keyboards {
  readonly #holders = new Map<string, string>();

  holder(terminal: string): string | undefined {
    return this.#holders.get(terminal);
  }

  /** Gives a client the keyboard. False: somebody else has it. */
  take(terminal: string, clientId: string): boolean {
    const holder = this.#holders.get(terminal);
    if (holder !== undefined) return holder === clientId;
    this.#holders.set(terminal, clientId);
    return true;
  }

  /** Takes the keyboard back from a client; false when it did not have it. */
  release(terminal: string, clientId: string): boolean {
    return this.#holders.get(terminal) === clientId && this.#holders.delete(terminal);
  }

  /** Takes all back that a client has; the terminals that are free now. */
  leave(clientId: string): readonly string[] {
    const held = [...this.#holders].filter(([, holder]) => holder === clientId).map(([terminal]) => terminal);
    for (const terminal of held) this.#holders.delete(terminal);
    return held;
  }
}
