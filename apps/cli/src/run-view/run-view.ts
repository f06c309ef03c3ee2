import type { EventRecord } from "@signalbox/protocol";

/** Somebody who is shown a run while it goes on. */
export interface RunView {
  /** An event, already taken into the progress that the view was made with. */
  event(event: EventRecord): void;
  /** Lines that a step wrote. */
  output(step: string, lines: readonly string[]): void;
  /** Something about the watching itself, in the place of what was said before; empty takes it back. */
  notice(text: string): void;
  /** Shows how it stands at the end and lets go of the terminal. Closing twice is fine. */
  close(): void;
}
