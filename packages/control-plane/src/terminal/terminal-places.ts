import { CommandSchema, isFinal, STEP_TRANSITIONS, type Principal, type TerminalSize } from "@signalbox/protocol";
import {
  attemptIdOf,
  readPlan,
  readRun,
  readSession,
  type PlannedStep,
  type RunProgress,
  type SignalboxStore,
} from "@signalbox/store";

import type { AttemptBoard, LiveAttempt } from "../runner/attempt-board.ts";

/** The terminal of one step, whichever attempt it is at. */
export interface TerminalPlace {
  /** As the caller named it: a session, a run or a step. */
  readonly id: string;
  readonly orgId: string;
  readonly runId: string;
  readonly stepIndex: number;
  /** The size that it was asked for with. */
  readonly size: TerminalSize;
}

const STEP_ID = /^stp_([0-9a-zA-Z-]{1,64})\.(0|[1-9]\d{0,5})$/;

/** Knows which terminal an id stands for, and who holds it now. */
export class TerminalPlaces {
  readonly #store: SignalboxStore;
  readonly #board: AttemptBoard;

  constructor(deps: { readonly store: SignalboxStore; readonly board: AttemptBoard }) {
    this.#store = deps.store;
    this.#board = deps.board;
  }

  /**
   * The terminal of a session, of a step (`stp_…`), or of a run: there the step that has one and is at work, or else the last
   * that has one. Undefined when the principal has no such thing, or it has no terminal.
   */
  async find({ orgId }: Principal, id: string): Promise<TerminalPlace | undefined> {
    const session = await this.#store.view(() => readSession(id, orgId));
    if (session) return this.#placeOf(id, orgId, session.run_id, session.step_idx);
    const [, body, index] = STEP_ID.exec(id) ?? [];
    if (body !== undefined) return this.#placeOf(id, orgId, `run_${body}`, Number(index));
    return this.#placeOf(id, orgId, id, undefined);
  }

  /** The attempt at whose terminal somebody can do something now. */
  async holder({ runId, stepIndex, orgId }: TerminalPlace): Promise<LiveAttempt | undefined> {
    const live = (await this.#progress(runId, orgId))?.steps[stepIndex]?.live;
    return live === undefined || live === null ? undefined : this.#board.get(attemptIdOf(runId, stepIndex, live));
  }

  /** Whether there will be no more output. */
  async isOver({ runId, stepIndex, orgId }: TerminalPlace): Promise<boolean> {
    const step = (await this.#progress(runId, orgId))?.steps[stepIndex];
    return step === undefined || isFinal(STEP_TRANSITIONS, step.state);
  }

  async #placeOf(
    id: string,
    orgId: string,
    runId: string,
    stepIndex: number | undefined,
  ): Promise<TerminalPlace | undefined> {
    const progress = await this.#progress(runId, orgId);
    if (!progress) return undefined;
    const sizes = (await this.#store.view(() => readPlan(runId))).map(terminalSizeOf);
    const index = stepIndex ?? stepWithTerminal(progress, sizes);
    const size = index === undefined ? undefined : sizes[index];
    if (index === undefined || size === undefined) return undefined;
    return { id, orgId, runId, stepIndex: index, size };
  }

  async #progress(runId: string, orgId: string): Promise<RunProgress | undefined> {
    const row = await this.#store.view(() => readRun(runId, orgId));
    // Written from a value of this type.
    return row && (JSON.parse(row.progress) as RunProgress);
  }
}

/** What a run's id stands for: the first step with a terminal that is at work, else the last that has begun, else the first. */
function stepWithTerminal({ steps }: RunProgress, sizes: readonly (TerminalSize | undefined)[]): number | undefined {
  const withTerminal = steps.map((step, index) => ({ step, index })).filter(({ index }) => sizes[index] !== undefined);
  const chosen =
    withTerminal.find(({ step }) => step.live !== null) ??
    withTerminal.findLast(({ step }) => step.attempts.length > 0) ??
    withTerminal[0];
  return chosen?.index;
}

/** Inputs of commands and of sessions name it alike. */
function terminalSizeOf({ inputs, command }: PlannedStep): TerminalSize | undefined {
  const { terminal } = { ...command, ...inputs };
  return CommandSchema.shape.terminal.safeParse(terminal).data;
}
