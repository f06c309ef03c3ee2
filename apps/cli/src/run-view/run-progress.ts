import { RUN_EVENTS, type EventRecord, type RunEventType, type StepState } from "@signalbox/protocol";

/** How far a step has come, as its events tell. */
export interface StepProgress {
  readonly name: string;
  readonly tool: string;
  readonly needs: readonly string[];
  status: StepState;
  percent?: number | undefined;
  message?: string | undefined;
  startedAtMs?: number | undefined;
  durationMs?: number | undefined;
  attempt?: number | undefined;
  /** What encloses the work; `none` where nothing does. */
  sandbox?: string | undefined;
  gateId?: string | undefined;
}

/** How a run ended. */
export type RunEnd = "succeeded" | "failed" | "cancelled";

/** How far a run has come, built from its events in order. */
export class RunProgress {
  goal = "";
  isStarted = false;
  isCancelRequested = false;
  end: RunEnd | undefined;
  /** Why it ended as it did. */
  message: string | undefined;
  durationMs: number | undefined;
  readonly createdAtMs: number;
  readonly artifacts: { readonly id: string; readonly path: string; readonly bytes: number }[] = [];
  readonly #steps = new Map<string, StepProgress>();

  constructor(createdAt: string) {
    this.createdAtMs = Date.parse(createdAt);
  }

  get steps(): readonly StepProgress[] {
    return [...this.#steps.values()];
  }

  step(name: string): StepProgress | undefined {
    return this.#steps.get(name);
  }

  /** The gates that somebody must answer before anything else can happen; none while other work goes on. */
  get blockingGates(): readonly string[] {
    const isBusy = this.steps.some(
      (step) => step.status === "running" || step.status === "delayed" || this.#canBegin(step),
    );
    return isBusy ? [] : this.steps.flatMap((step) => (step.status === "waiting" && step.gateId ? [step.gateId] : []));
  }

  /** Whether some step could be at work and none is. */
  get isIdle(): boolean {
    return this.steps.some((step) => this.#canBegin(step)) && !this.steps.some(({ status }) => status === "running");
  }

  /** Takes in one event; events that this version does not know are passed over. */
  apply(event: EventRecord): void {
    const atMs = Date.parse(event.at);
    switch (event.type as RunEventType) {
      case "run.created":
        return this.#created(event);
      case "run.started":
        this.isStarted = true;
        return;
      case "run.cancel_requested":
        this.isCancelRequested = true;
        return;
      case "run.succeeded":
      case "run.failed":
      case "run.cancelled":
        return this.#ended(event);
      case "step.delayed":
        return this.#change(event, "step.delayed", (data) => ({ status: "delayed", message: data.message }));
      case "step.started":
        return this.#change(event, "step.started", (data) => ({
          status: "running",
          startedAtMs: atMs,
          attempt: data.number,
          sandbox: data.sandbox.engine,
          percent: undefined,
          message: undefined,
        }));
      case "step.progress":
        return this.#change(event, "step.progress", ({ percent, message }) => ({ percent, message }));
      case "step.finished":
        return this.#change(event, "step.finished", (data) => ({
          status: data.status,
          durationMs: data.durationMs,
          message: data.message,
          percent: undefined,
        }));
      case "gate.pending":
        return this.#change(event, "gate.pending", ({ gate_id, description }) => ({
          status: "waiting",
          gateId: gate_id,
          message: description,
        }));
      case "gate.approved":
        return this.#change(event, "gate.approved", ({ note }) => ({ status: "succeeded", message: note }));
      case "artifact.created":
        return this.#kept(event);
      case "attempt.leased":
      case "attempt.ended":
      case "gate.denied":
      case "gate.expired":
      case "gate.superseded":
      case "budget.exhausted":
      case "budget.extended":
      default:
        return;
    }
  }

  #canBegin({ status, needs }: StepProgress): boolean {
    return status === "pending" && needs.every((need) => isDone(this.#steps.get(need)?.status));
  }

  #created(event: EventRecord): void {
    const data = read(event, "run.created");
    if (!data) return;
    this.goal = data.goal;
    for (const step of data.steps) this.#steps.set(step.name, { ...step, status: "pending" });
  }

  #ended(event: EventRecord): void {
    this.end = event.type.slice("run.".length) as RunEnd;
    const data = read(event, event.type as "run.failed" | "run.cancelled" | "run.succeeded");
    if (!data) return;
    this.durationMs = data.duration;
    if ("error" in data) this.message = data.error;
    else if ("message" in data) this.message = data.message;
  }

  #kept(event: EventRecord): void {
    const data = read(event, "artifact.created");
    if (data) this.artifacts.push({ id: data.artifact_id, path: data.path, bytes: data.bytes });
  }

  #change<Type extends StepEventType>(
    event: EventRecord,
    type: Type,
    change: (data: DataOf<Type>) => Partial<StepProgress>,
  ): void {
    const data = read(event, type);
    const step = data && this.#steps.get(data.name);
    if (data && step) Object.assign(step, change(data));
  }
}

function isDone(status: StepState | undefined): boolean {
  return status === "succeeded" || status === "skipped";
}

type DataOf<Type extends RunEventType> = ReturnType<(typeof RUN_EVENTS)[Type]["data"]["parse"]>;
type StepEventType = {
  [Type in RunEventType]: DataOf<Type> extends { name: string } ? Type : never;
}[RunEventType];

function read<Type extends RunEventType>(event: EventRecord, type: Type): DataOf<Type> | undefined {
  return RUN_EVENTS[type].data.safeParse(event.data).data as DataOf<Type> | undefined;
}
