/** What a check is about. */
export type ProblemKind =
  | "database"
  | "sequence"
  | "event"
  | "move"
  | "state"
  | "output"
  | "gate"
  | "artifact"
  | "timer"
  | "hash"
  | "blob"
  | "orphan";

/** Something that must not be. `stream` is the run, runner, plugin, session or webhook that it is about, or empty. */
export interface VerifyProblem {
  readonly kind: ProblemKind;
  readonly stream: string;
  readonly message: string;
}

/** Something worth knowing that is no problem, and how often it was found. */
export interface VerifyNote {
  readonly kind: "orphan_blobs" | "expired_answers" | "late_deliveries" | "overdue_timers";
  readonly count: number;
  readonly message: string;
}

/** Collects what checks find; it keeps the first problems and counts the rest. */
export class Findings {
  readonly problems: VerifyProblem[] = [];
  readonly notes: VerifyNote[] = [];
  readonly #maxProblems: number;
  #problemCount = 0;

  constructor(maxProblems: number) {
    this.#maxProblems = maxProblems;
  }

  get problemCount(): number {
    return this.#problemCount;
  }

  problem(kind: ProblemKind, stream: string, message: string): void {
    this.#problemCount += 1;
    if (this.problems.length < this.#maxProblems) this.problems.push({ kind, stream, message });
  }

  note(kind: VerifyNote["kind"], count: number, message: string): void {
    if (count > 0) this.notes.push({ kind, count, message });
  }
}
