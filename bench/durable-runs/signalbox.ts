import {
  createControlPlane,
  type ConnectedRunner,
  type ControlPlane,
  type RunnerSession,
} from "@signalbox/control-plane";
import type { ControlMessage } from "@signalbox/protocol";
import type { SignalboxStore } from "@signalbox/store";
import { openSignalboxStore } from "@signalbox/store/sqlite";

import { GOAL, type Contender, type Task } from "./contender.ts";

/** The control plane on its store on disk, with a runner in the same process whose step takes no time. */
export async function openSignalbox({ directory, inFlight }: Pick<Task, "directory" | "inFlight">): Promise<Contender> {
  const store = await openSignalboxStore({ directory });
  const plane = await openPlane(store, inFlight);
  return {
    runOne: plane.runOne,
    async [Symbol.asyncDispose]() {
      await plane.controlPlane.drain();
      await store.close();
    },
  };
}

/** What a run of no work looks like from outside. */
export interface Plane {
  readonly controlPlane: ControlPlane;
  readonly runOne: () => Promise<void>;
}

/** Told of each message on its way to the runner. */
export type Witness = (message: ControlMessage) => void;

/** A control plane on a store, with a runner that says at once that its step has started and succeeded. */
export async function openPlane(store: SignalboxStore, slots: number, witness?: Witness): Promise<Plane> {
  const controlPlane = await createControlPlane({ store, secretsKey: new Uint8Array(32) });
  const capabilities = { providers: [], features: [], maxConcurrentSessions: Math.min(1_000, slots) };
  const registered = await controlPlane.runners.registerRunner({ hostname: "bench", capabilities });
  if (!registered.success) throw new Error(registered.error.message);
  const ends = new Ends();
  const runner = idleRunner(registered.data.id, slots, (message) => {
    witness?.(message);
    // As a socket would: later, and in order.
    queueMicrotask(() => void answer(session, message, ends));
  });
  const session = controlPlane.attach(runner);
  return {
    controlPlane,
    async runOne() {
      const made = await controlPlane.runs.createRun({ command: "true", name: GOAL });
      if (!made.success) throw new Error(made.error.message);
      await ends.of(made.data.id);
    },
  };
}

function idleRunner(runnerId: string, slots: number, send: (message: ControlMessage) => void): ConnectedRunner {
  return {
    runnerId,
    orgId: "default",
    connectionId: "bench",
    providers: new Set(),
    features: new Set(),
    labels: {},
    slots,
    held: new Set(),
    isDraining: false,
    isDeaf: false,
    channel: { close: () => undefined, send },
  };
}

async function answer(session: RunnerSession, message: ControlMessage, ends: Ends): Promise<void> {
  if (message.type === "offer") {
    await session.handle({ type: "accept", offerId: message.offerId, attemptId: message.attemptId });
  } else if (message.type === "start") {
    const { attemptId, epoch, envelopeHash, envelope } = message.grant;
    ends.belongs(attemptId, envelope.runId);
    await session.handle({
      type: "started",
      attemptId,
      epoch,
      envelopeHash,
      sandbox: { engine: "none", network: "host" },
    });
    const result = { outcome: "succeeded", exitCode: 0, durationMs: 1, streams: [], artifacts: [] } as const;
    await session.handle({ type: "finish", attemptId, epoch, result: { ...result, streams: [], artifacts: [] } });
  } else if (message.type === "finish_ack") {
    if (message.verdict !== "applied") throw new Error(`the result of ${message.attemptId} is ${message.verdict}`);
    ends.tell(message.attemptId);
  } else if (message.type !== "withdraw") {
    throw new Error(`unexpected word to a runner: ${message.type}`);
  }
}

/** Who waits for the end of which run, whichever of the two comes first. */
class Ends {
  readonly #runs = new Map<string, string>();
  readonly #waiting = new Map<string, () => void>();
  readonly #over = new Set<string>();

  belongs(attemptId: string, runId: string): void {
    this.#runs.set(attemptId, runId);
  }

  async of(runId: string): Promise<void> {
    if (this.#over.delete(runId)) return;
    await new Promise<void>((resolve) => this.#waiting.set(runId, resolve));
  }

  tell(attemptId: string): void {
    const runId = this.#runs.get(attemptId) ?? "";
    this.#runs.delete(attemptId);
    const resolve = this.#waiting.get(runId);
    this.#waiting.delete(runId);
    if (resolve) resolve();
    else this.#over.add(runId);
  }
}
