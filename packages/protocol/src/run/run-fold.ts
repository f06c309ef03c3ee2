import { isFinal, nextState, type MoveOf, type TransitionTable } from "../transition-table.ts";
import type { Budget } from "../session/usage.ts";
import { FAILURE_REASONS, type FailureReason } from "./failure-reasons.ts";
import { readSteps } from "./readiness.ts";
import type { RunEventData, RunEventType } from "./run-events.ts";
import {
  ATTEMPT_TRANSITIONS,
  GATE_TRANSITIONS,
  RUN_TRANSITIONS,
  STEP_TRANSITIONS,
  type AttemptState,
  type GateState,
  type RunState,
  type StepState,
} from "./run-states.ts";
import { findTool, isAgentTool } from "./tools.ts";

/** An event of a run's stream, as a fold reads it: its data has the shape that `RUN_EVENTS` gives its type. */
export interface FoldedEvent {
  readonly seq: number;
  readonly type: RunEventType;
  readonly data: unknown;
}

export interface FoldedStep {
  readonly name: string;
  readonly tool: string;
  readonly needs: readonly string[];
  state: StepState;
  /** Whether it was skipped because one that it needs did not succeed. */
  cutOff: boolean;
  attempts: number;
  failures: number;
  losses: number;
  liveAttempt: string | undefined;
}

export interface FoldedAttempt {
  readonly step: string;
  readonly number: number;
  readonly epoch: number;
  readonly runnerId: string;
  readonly envelopeHash: string;
  state: AttemptState;
}

export interface FoldedGate {
  readonly step: string;
  readonly contentHash: string;
  state: GateState;
}

/** What a run's events come to. The end of a delay has no event: a step that stays `delayed` here may be `ready`. */
export interface FoldedRun {
  readonly state: RunState | undefined;
  readonly goal: string;
  readonly steps: readonly FoldedStep[];
  readonly attempts: ReadonlyMap<string, FoldedAttempt>;
  readonly gates: ReadonlyMap<string, FoldedGate>;
  readonly artifacts: ReadonlySet<string>;
  /** The budget as it was last extended; undefined where it never was. */
  readonly budget: Budget | undefined;
  /** Every move that the tables do not have, and everything that came before what it needs. */
  readonly illegal: readonly { readonly seq: number; readonly message: string }[];
}

/** Replays the events of one run, first to last, into the states that its rows must have. */
export function foldRun(events: Iterable<FoldedEvent>): FoldedRun {
  const fold = new RunFold();
  for (const event of events) fold.apply(event);
  return fold.read();
}

/** The same for a stream that comes in pieces. A strange order is noted and passed over, never thrown. */
export class RunFold {
  readonly #draft: Draft = {
    seq: 0,
    state: undefined,
    goal: "",
    steps: new Map(),
    attempts: new Map(),
    gates: new Map(),
    artifacts: new Set(),
    budget: undefined,
    illegal: [],
  };

  apply({ seq, type, data }: FoldedEvent): void {
    const draft = this.#draft;
    draft.seq = seq;
    if (type !== "run.created" && draft.state === undefined) return refuse(draft, `${type} before run.created`);
    if (type === "run.created" && draft.state !== undefined) return refuse(draft, "run.created a second time");
    if (draft.state !== undefined && isFinal(RUN_TRANSITIONS, draft.state)) {
      refuse(draft, `${type} after the run was ${draft.state}`);
    }
    // Each reader takes the data of its own type.
    (READERS[type] as (draft: Draft, data: unknown) => void)(draft, data);
  }

  /** What the events so far come to; a step whose needs are met counts as begun, as the same commit made it. */
  read(): FoldedRun {
    const { illegal, ...draft } = this.#draft;
    const { ready, unreachable, outcome } = readSteps([...draft.steps.values()]);
    const derived = new Map<string, StepState>(unreachable.map((name) => [name, "skipped"]));
    for (const name of ready) derived.set(name, isForPerson(draft.steps.get(name)) ? "waiting" : "ready");
    const isOpen = draft.state !== undefined && !isFinal(RUN_TRANSITIONS, draft.state);
    const unended = { seq: draft.seq, message: `every step is over and the run is still ${draft.state}` };
    return {
      ...draft,
      steps: [...draft.steps.values()].map((step) => ({ ...step, state: derived.get(step.name) ?? step.state })),
      illegal: isOpen && outcome !== "going" ? [...illegal, unended] : illegal,
    };
  }
}

interface Draft {
  seq: number;
  state: RunState | undefined;
  goal: string;
  readonly steps: Map<string, FoldedStep>;
  readonly attempts: Map<string, FoldedAttempt>;
  readonly gates: Map<string, FoldedGate>;
  readonly artifacts: Set<string>;
  budget: Budget | undefined;
  readonly illegal: { seq: number; message: string }[];
}

type Readers = { readonly [Type in RunEventType]: (draft: Draft, data: RunEventData<Type>) => void };

const READERS: Readers = {
  "run.created": createSteps,
  "run.started": (draft) => moveRun(draft, "start"),
  "run.cancel_requested": () => {},
  "run.succeeded": (draft) => endRun(draft, "succeed"),
  "run.failed": (draft) => endRun(draft, "fail"),
  "run.cancelled": (draft) => endRun(draft, "cancel"),
  "attempt.leased": leaseAttempt,
  "attempt.ended": endAttempt,
  "step.started": startStep,
  "step.delayed": (draft, { name }) => withStep(draft, name, (step) => moveStep(draft, step, "delay")),
  "step.progress": (draft, { name }) =>
    withStep(draft, name, (step) => {
      if (step.liveAttempt === undefined) refuse(draft, `progress of step ${name}, at which nothing works`);
    }),
  "step.finished": (draft, data) =>
    withStep(draft, data.name, (step) => {
      if (data.attemptId === undefined) finishUntried(draft, step, data);
      else finishTried(draft, step, data, data.attemptId);
    }),
  "gate.pending": openGate,
  "gate.approved": (draft, { gateId }) => moveGate(draft, gateId, "approve"),
  "gate.denied": (draft, { gateId }) => moveGate(draft, gateId, "deny"),
  "gate.expired": (draft, { gateId }) => moveGate(draft, gateId, "expire"),
  "gate.superseded": (draft, { gateId }) => moveGate(draft, gateId, "supersede"),
  "budget.exhausted": (draft, { name }) => withStep(draft, name, () => {}),
  "budget.extended": (draft, { budget }) => {
    draft.budget = budget;
  },
  "artifact.created": keepArtifact,
};

function createSteps(draft: Draft, { goal, steps }: RunEventData<"run.created">): void {
  draft.state = "queued";
  draft.goal = goal;
  for (const { name, tool, needs } of steps) {
    const counts = { attempts: 0, failures: 0, losses: 0 };
    draft.steps.set(name, { name, tool, needs, state: "pending", cutOff: false, ...counts, liveAttempt: undefined });
  }
}

function leaseAttempt(draft: Draft, data: RunEventData<"attempt.leased">): void {
  const { name, attemptId, epoch, runnerId, number, envelopeHash } = data;
  withStep(draft, name, (step) => {
    if (step.liveAttempt !== undefined) refuse(draft, `step ${name} was leased while ${step.liveAttempt} lives`);
    if (number !== step.attempts + 1)
      refuse(draft, `attempt ${number} of step ${name} follows attempt ${step.attempts}`);
    if (isForPerson(step)) refuse(draft, `step ${name} is for a person and was leased to a runner`);
    if (draft.attempts.has(attemptId)) refuse(draft, `attempt ${attemptId} was leased twice`);
    if (step.state === "pending" && !hasItsNeeds(draft, step)) refuse(draft, `step ${name} began before what it needs`);
    // Becoming ready has no event of its own, nor has the end of a delay.
    if (step.state !== "ready") moveStep(draft, step, "ready");
    step.attempts = number;
    step.liveAttempt = attemptId;
    draft.attempts.set(attemptId, { step: name, number, epoch, runnerId, envelopeHash, state: "leased" });
  });
}

function startStep(draft: Draft, { name, attemptId, epoch }: RunEventData<"step.started">): void {
  withLiveAttempt(draft, name, attemptId, (attempt, step) => {
    if (epoch !== attempt.epoch) refuse(draft, `attempt ${attemptId} has epoch ${attempt.epoch}, not ${epoch}`);
    moveAttempt(draft, attempt, "start");
    moveStep(draft, step, "start");
  });
}

function endAttempt(draft: Draft, { name, attemptId, epoch, status, reason }: RunEventData<"attempt.ended">): void {
  withLiveAttempt(draft, name, attemptId, (attempt, step) => {
    if (epoch !== attempt.epoch) refuse(draft, `attempt ${attemptId} has epoch ${attempt.epoch}, not ${epoch}`);
    moveAttempt(draft, attempt, ATTEMPT_MOVES[status]);
    countFailure(step, reason);
    step.liveAttempt = undefined;
    if (step.state === "running") moveStep(draft, step, "retry");
  });
}

const ATTEMPT_MOVES = {
  succeeded: "succeed",
  failed: "fail",
  skipped: "skip",
  cancelled: "cancel",
  interrupted: "interrupt",
  lost: "lose",
} as const;
const STEP_MOVES = { succeeded: "succeed", failed: "fail", skipped: "skip", cancelled: "cancel" } as const;

type Finish = RunEventData<"step.finished">;

/** The end of a step through an attempt. */
function finishTried(draft: Draft, { name }: FoldedStep, data: Finish, attemptId: string): void {
  withLiveAttempt(draft, name, attemptId, (attempt, step) => {
    moveAttempt(draft, attempt, ATTEMPT_MOVES[data.attemptStatus ?? data.status]);
    step.liveAttempt = undefined;
    const isDone = data.status === "succeeded" || data.status === "skipped";
    // The word that it had started was lost on the way; its end says so too.
    if (step.state === "ready" && isDone) moveStep(draft, step, "start");
    if (data.status === "failed") countFailure(step, data.reason);
    moveStep(draft, step, STEP_MOVES[data.status]);
  });
}

/** The end of a step without an attempt: behind a failure, by a cancel, or by the answer to its gate. */
function finishUntried(draft: Draft, step: FoldedStep, { status, reason }: Finish): void {
  const { name } = step;
  if (step.liveAttempt !== undefined) refuse(draft, `step ${name} was ${status} while ${step.liveAttempt} lives`);
  if (status === "cancelled") return moveStep(draft, step, "cancel");
  if (status === "skipped") {
    if (!step.needs.some((need) => isBroken(draft.steps.get(need))))
      refuse(draft, `step ${name} was cut off by nothing`);
    step.cutOff = true;
    return moveStep(draft, step, "skip");
  }
  if (status === "failed" && reason === "budget_exhausted") {
    if (!isAgentTool(step.tool)) refuse(draft, `step ${name} has no agent and was refused a budget`);
    if (step.state !== "ready") moveStep(draft, step, "ready");
    return moveStep(draft, step, "fail");
  }
  if (status === "failed" && !isForPerson(step)) {
    if (!wasRefusedAgain(draft)) refuse(draft, `step ${name} failed without attempt, and no gate was asked again`);
    if (step.state !== "ready") moveStep(draft, step, "ready");
    return moveStep(draft, step, "fail");
  }
  const answer = [...draft.gates.values()].find((gate) => gate.step === name)?.state;
  if (answer === undefined || answer === "pending") refuse(draft, `step ${name} ${status} without attempt or answer`);
  else if ((answer === "approved") !== (status === "succeeded"))
    refuse(draft, `step ${name} ${status}; its gate is ${answer}`);
  moveStep(draft, step, status === "succeeded" ? "approve" : answer === "expired" ? "expire" : "deny");
}

function openGate(draft: Draft, { name, gateId, contentHash }: RunEventData<"gate.pending">): void {
  withStep(draft, name, (step) => {
    if (!hasItsNeeds(draft, step)) refuse(draft, `gate ${gateId} was opened before what step ${name} needs`);
    if (!isForPerson(step)) refuse(draft, `step ${name} asks a person and is for a runner`);
    const before = [...draft.gates.values()].filter((gate) => gate.step === name);
    // One that was asked before and let through is asked again only when that does not count any more.
    if (before.length === 0) moveStep(draft, step, "ask");
    else if (step.state !== "succeeded" || before.some(({ state }) => state !== "superseded"))
      refuse(draft, `gate ${gateId} was opened while another of step ${name} counts`);
    draft.gates.set(gateId, { step: name, contentHash, state: "pending" });
  });
}

/** Whether somebody said no, or nothing, to a gate that had let its steps through before. */
function wasRefusedAgain({ gates, steps }: Draft): boolean {
  return [...gates.values()].some(
    ({ step, state }) => (state === "denied" || state === "expired") && steps.get(step)?.state === "succeeded",
  );
}

function keepArtifact(draft: Draft, { artifact_id: id, step: name }: RunEventData<"artifact.created">): void {
  withStep(draft, name, (step) => {
    if (draft.artifacts.has(id)) refuse(draft, `artifact ${id} was created twice`);
    if (step.state !== "succeeded") refuse(draft, `artifact ${id} is of step ${name}, which is ${step.state}`);
    draft.artifacts.add(id);
  });
}

function countFailure(step: FoldedStep, reason: FailureReason | undefined): void {
  if (reason !== undefined && FAILURE_REASONS[reason].kind === "infrastructure") step.losses += 1;
  else step.failures += 1;
}

function hasItsNeeds(draft: Draft, step: FoldedStep): boolean {
  return step.needs.every((need) => {
    const needed = draft.steps.get(need);
    return needed !== undefined && !needed.cutOff && (needed.state === "succeeded" || needed.state === "skipped");
  });
}

function isBroken(step: FoldedStep | undefined): boolean {
  return step === undefined || step.cutOff || step.state === "failed" || step.state === "cancelled";
}

function isForPerson(step: FoldedStep | undefined): boolean {
  return step !== undefined && findTool(step.tool)?.doneBy === "person";
}

function endRun(draft: Draft, move: "succeed" | "fail" | "cancel"): void {
  const steps = [...draft.steps.values()];
  for (const { name, state } of steps) {
    if (!isFinal(STEP_TRANSITIONS, state)) refuse(draft, `the run ended while step ${name} was ${state}`);
  }
  const culprit = steps.find(isBroken);
  if (move === "succeed" && culprit) refuse(draft, `the run succeeded and step ${culprit.name} did not`);
  if (move !== "succeed" && !culprit) refuse(draft, "the run did not succeed and every step did");
  moveRun(draft, move);
}

function withStep(draft: Draft, name: string, work: (step: FoldedStep) => void): void {
  const step = draft.steps.get(name);
  if (step) work(step);
  else refuse(draft, `there is no step ${name}`);
}

function withLiveAttempt(
  draft: Draft,
  name: string,
  attemptId: string,
  work: (attempt: FoldedAttempt, step: FoldedStep) => void,
): void {
  withStep(draft, name, (step) => {
    const attempt = draft.attempts.get(attemptId);
    if (attempt && step.liveAttempt === attemptId) work(attempt, step);
    else refuse(draft, `attempt ${attemptId} is not the live one of step ${name}`);
  });
}

function moveRun(draft: Draft, name: MoveOf<typeof RUN_TRANSITIONS>): void {
  if (draft.state !== undefined) draft.state = moved(draft, RUN_TRANSITIONS, "the run", draft.state, name);
}

function moveStep(draft: Draft, step: FoldedStep, name: MoveOf<typeof STEP_TRANSITIONS>): void {
  step.state = moved(draft, STEP_TRANSITIONS, `step ${step.name}`, step.state, name);
}

function moveAttempt(draft: Draft, attempt: FoldedAttempt, name: MoveOf<typeof ATTEMPT_TRANSITIONS>): void {
  const noun = `attempt ${attempt.number} of step ${attempt.step}`;
  attempt.state = moved(draft, ATTEMPT_TRANSITIONS, noun, attempt.state, name);
}

function moveGate(draft: Draft, gateId: string, name: MoveOf<typeof GATE_TRANSITIONS>): void {
  const gate = draft.gates.get(gateId);
  if (gate) gate.state = moved(draft, GATE_TRANSITIONS, `gate ${gateId}`, gate.state, name);
  else refuse(draft, `there is no gate ${gateId}`);
}

function moved<Table extends TransitionTable>(
  draft: Draft,
  table: Table,
  noun: string,
  state: keyof Table & string,
  move: MoveOf<Table>,
): keyof Table & string {
  const to = nextState(table, state, move);
  if (to === undefined) refuse(draft, `${noun} is ${state}; that leaves no way to ${move} it`);
  return to ?? state;
}

function refuse(draft: Draft, message: string): void {
  draft.illegal.push({ seq: draft.seq, message });
}
