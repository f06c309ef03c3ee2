import {
  ControlMessageSchema,
  RunnerMessageSchema,
  type AttemptResult,
  type ControlMessage,
  type ControlMessageOf,
  type RunnerMessage,
  type RunnerMessageOf,
  type StartGrant,
} from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";

import type { ConnectedRunner, ControlPlane, RunnerSession } from "../../src/index.ts";

/** What a `FakeRunner` is. */
export interface FakeRunnerSettings {
  readonly runnerId: string;
  readonly orgId: string;
  readonly slots?: number;
  readonly providers?: readonly string[];
  readonly features?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** What it does with offers. Default: accepts. */
  readonly answer?: OfferAnswer;
}
export type OfferAnswer = "accept" | "decline" | "silence";

/** An attempt and who holds it. */
export type Held = Pick<StartGrant, "attemptId" | "epoch">;

/** A runner in this process: keeps every message in the form that it would have on the wire, and does what a test says. */
export class FakeRunner {
  readonly runnerId: string;
  readonly messages: ControlMessage[] = [];
  readonly closed: number[] = [];
  answer: OfferAnswer;
  answersProbes = true;
  readonly connection: ConnectedRunner;
  readonly #session: RunnerSession;
  static #connections = 0;

  constructor(plane: ControlPlane, settings: FakeRunnerSettings) {
    this.runnerId = settings.runnerId;
    this.answer = settings.answer ?? "accept";
    this.connection = {
      runnerId: settings.runnerId,
      orgId: settings.orgId,
      connectionId: `con_${++FakeRunner.#connections}`,
      channel: { send: (message) => this.#hear(message), close: (code) => void this.closed.push(code) },
      providers: new Set(settings.providers),
      features: new Set(settings.features),
      labels: settings.labels ?? {},
      slots: settings.slots ?? 5,
      held: new Set(),
      isDraining: false,
      isDeaf: false,
    };
    this.#session = plane.attach(this.connection);
  }

  /** Says something. */
  say(message: RunnerMessage): Promise<void> {
    return this.#session.handle(RunnerMessageSchema.parse(JSON.parse(JSON.stringify(message))));
  }

  /** Everything of one kind that was said to it. */
  heard<Type extends ControlMessage["type"]>(type: Type): ControlMessageOf<Type>[] {
    return this.messages.filter((message): message is ControlMessageOf<Type> => message.type === type);
  }

  /** What it was given to start. */
  get grants(): StartGrant[] {
    return this.heard("start").map(({ grant }) => grant);
  }

  /** The grant with this place in order, once it is there. */
  grant(place = 0): Promise<StartGrant> {
    return eventually(() => this.grants[place]);
  }

  start({ attemptId, epoch, envelopeHash }: Held & { readonly envelopeHash: string }): Promise<void> {
    return this.say({ type: "started", attemptId, epoch, envelopeHash, sandbox: { engine: "none", network: "host" } });
  }

  /** Sends a result and returns the answer to it. */
  async finish(
    { attemptId, epoch }: Held,
    result: Partial<AttemptResult> = {},
  ): Promise<ControlMessageOf<"finish_ack">> {
    const before = this.heard("finish_ack").length;
    await this.say({
      type: "finish",
      attemptId,
      epoch,
      result: { outcome: "succeeded", exitCode: 0, streams: [], artifacts: [], ...result },
    });
    return eventually(() => this.heard("finish_ack")[before]);
  }

  /** Starts and finishes what a grant says. */
  async work(grant: StartGrant, result: Partial<AttemptResult> = {}): Promise<void> {
    await this.start(grant);
    await this.finish(grant, result);
  }

  /** Renews leases and returns what was said of each. */
  async renew(...attempts: readonly Held[]): Promise<string[]> {
    await this.say({
      type: "renew",
      sentAt: 1,
      attempts: attempts.map(({ attemptId, epoch }) => ({ attemptId, epoch })),
    });
    return (
      this.heard("renewed")
        .at(-1)
        ?.attempts.map(({ verdict }) => verdict) ?? []
    );
  }

  beat(): Promise<void> {
    const load = { cpuPercent: 1, memoryPercent: 2, diskPercent: 3 };
    return this.say({ type: "heartbeat", load, activeAttempts: [], freeSlots: 1 });
  }

  /** Comes back with these attempts and returns what it is told of each. */
  async reconcile(attempts: RunnerMessageOf<"hello">["attempts"]): Promise<string[]> {
    const capabilities = { providers: [], features: [] };
    const verdicts = await this.#session.reconcile({
      type: "hello",
      protocol: { min: 1, max: 1 },
      runnerId: this.runnerId,
      signature: "",
      features: [],
      capabilities,
      attempts,
    });
    return verdicts.map(({ verdict }) => verdict);
  }

  #hear(message: ControlMessage): void {
    const heard = ControlMessageSchema.parse(JSON.parse(JSON.stringify(message)));
    this.messages.push(heard);
    if (heard.type === "offer") queueMicrotask(() => this.#answerOffer(heard));
    if (heard.type === "probe" && this.answersProbes)
      queueMicrotask(() => void this.say({ type: "probe_ack", probeId: heard.probeId }));
  }

  #answerOffer({ offerId, attemptId }: ControlMessageOf<"offer">): void {
    if (this.answer === "accept") void this.say({ type: "accept", offerId, attemptId });
    if (this.answer === "decline") void this.say({ type: "decline", offerId, attemptId, reason: "not now" });
  }
}
