import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";

import {
  DEFAULT_ORG,
  type ApiResponse,
  type CreateRunInput,
  type EventRecord,
  type LimitOverrides,
  type Principal,
  type Run,
  type RunDetails,
  type Scope,
  type StepDetails,
  type StepInput,
} from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import type { ArgsOf, ResultOf, SignalboxUnits } from "@signalbox/store";
import { openSignalboxStore, type SqliteStore } from "@signalbox/store/sqlite";
import { ManualClock } from "@signalbox/testkit";

import {
  createControlPlane,
  type Clock,
  type ControlPlane,
  type Logger,
  type RequestContext,
  type RunnerHandlerConfig,
  type WebhookSettings,
} from "../../src/index.ts";
import { FakeRunner, type FakeRunnerSettings } from "./fake-runner.ts";

export const SECRETS_KEY = new Uint8Array(32).fill(7);

type Unit = keyof SignalboxUnits;

/** Names stand for nothing, so that a rig reaches nobody. */
const OFFLINE: WebhookSettings = { resolve: async () => [] };

const EDIT = `const [file, sql, ...params] = process.argv.slice(1);
new (require("node:sqlite").DatabaseSync)(file).prepare(sql).run(...params);`;

/** What a `Rig` may have otherwise. */
export interface RigOptions {
  /** Default: in memory. */
  readonly directory?: string;
  readonly limits?: LimitOverrides;
  readonly runner?: RunnerHandlerConfig;
  readonly logger?: Logger;
  readonly webhook?: WebhookSettings;
}

/** A control plane on a real store, with a clock that only a test moves. */
export class Rig implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly store: SqliteStore<SignalboxUnits>;
  readonly #options: RigOptions;
  #plane: ControlPlane | undefined;
  #life = new Life();

  private constructor(store: SqliteStore<SignalboxUnits>, options: RigOptions) {
    this.store = store;
    this.#options = options;
  }

  static async open(options: RigOptions = {}): Promise<Rig> {
    const rig = new Rig(
      await openSignalboxStore({ directory: options.directory ?? ":memory:", reserveBytes: 0 }),
      options,
    );
    await rig.startPlane();
    return rig;
  }

  get plane(): ControlPlane {
    if (!this.#plane) throw new Error("the rig has not been opened");
    return this.#plane;
  }

  /** Lets a new control plane take up the store. The one before is dropped as it stands, without a goodbye. */
  async startPlane(): Promise<ControlPlane> {
    const { limits, runner, logger, webhook } = this.#options;
    // What had reached the store is done by the time that another process can open it.
    if (this.#plane) await this.settle();
    this.#life.isOver = true;
    this.#life = new Life();
    this.#plane = await createControlPlane({
      store: this.store,
      clock: clockFor(this.#life, this.clock),
      secretsKey: SECRETS_KEY,
      ...(limits ? { limits } : {}),
      ...(runner ? { runner } : {}),
      ...(logger ? { logger } : {}),
      webhook: webhook ?? OFFLINE,
    });
    return this.#plane;
  }

  /** Makes a caller one of whom the store knows: what they decide counts for as long as their token does. */
  async known(context: RequestContext): Promise<RequestContext> {
    const { id, orgId, scopes } = context.principal;
    await this.store.run("createToken", {
      id,
      org_id: orgId,
      name: id,
      scopes: JSON.stringify([...scopes]),
      hash: "",
      created_at: this.clock.now(),
      expires_at: null,
    });
    return context;
  }

  /** Registers a runner and connects it. */
  async runner(settings: Partial<FakeRunnerSettings> = {}): Promise<FakeRunner> {
    const orgId = settings.orgId ?? DEFAULT_ORG;
    const runnerId =
      settings.runnerId ??
      dataOf(await this.plane.runners.registerRunner({ orgId, hostname: "machine", capabilities: {} })).runnerId;
    return new FakeRunner(this.plane, { ...settings, runnerId, orgId });
  }

  /** Makes a run of these steps; a text stands for a command of that name. Without `needs`, each needs the one before. */
  async createRun(
    steps: readonly (StepInput | string)[],
    over: Partial<CreateRunInput> = {},
    context?: RequestContext,
  ): Promise<Run> {
    const plan = { goal: "a goal", steps: steps.map((step) => (typeof step === "string" ? command(step) : step)) };
    return dataOf(await this.plane.runs.createRun({ plan, ...over }, context));
  }

  async details(runId: string): Promise<RunDetails> {
    return dataOf(await this.plane.runs.getRun(runId));
  }

  async step(runId: string, name: string): Promise<StepDetails> {
    return dataOf(await this.plane.runs.getStep(runId, name));
  }

  /** The state of a run and of each of its steps: `running: succeeded ready`. */
  async states(runId: string): Promise<string> {
    const { run, steps } = await this.details(runId);
    return `${run.status}: ${steps.map(({ status }) => status).join(" ")}`;
  }

  async events(runId: string): Promise<readonly EventRecord[]> {
    return dataOf(await this.plane.runs.listEvents(runId)).events;
  }

  /** Uploads bytes and returns their name. */
  async putBlob(bytes: string): Promise<string> {
    const sha256 = sha256Hex(bytes);
    dataOf(await this.plane.link.putBlob(sha256, Readable.from([Buffer.from(bytes)]), { runnerId: "rnr" }));
    return sha256;
  }

  /** Uploads files that a step made (null: deleted) and the list of them; returns what a result says of it. */
  async putChanges(files: Readonly<Record<string, string | null>>): Promise<{ sha256: string; files: number }> {
    const all = Object.entries(files);
    const made = all.flatMap(([path, text]) =>
      text === null ? [] : [{ path, sha256: sha256Hex(text), bytes: text.length, executable: false }],
    );
    for (const [, text] of all) if (text !== null) await this.putBlob(text);
    const deleted = all.flatMap(([path, text]) => (text === null ? [path] : []));
    return {
      sha256: await this.putBlob(JSON.stringify({ v: 1, commit: null, written: made, deleted, truncated: false })),
      files: all.length,
    };
  }

  /** Changes the database behind the store's back: in another process, since two SQLites in one undo each other's locks. */
  editDatabase(sql: string, ...params: string[]): void {
    const file = join(this.#options.directory ?? "", "signalbox.db");
    execFileSync(process.execPath, ["--no-warnings", "-e", EDIT, file, sql, ...params]);
  }

  /** Lets everything happen that can happen while time stands. */
  async settle(): Promise<void> {
    for (let round = 0; round < 12; round++) {
      await this.store.run("forgetAnswers", { now: 0, count: 1 });
      await turn();
    }
  }

  /** Lets time pass in small pieces, and whatever falls due happen. */
  async pass(ms: number, pieceMs = 1_000): Promise<void> {
    for (let left = ms; left > 0; left -= pieceMs) {
      this.clock.advance(Math.min(left, pieceMs));
      await this.settle();
    }
  }

  /** Makes the next call of a unit fail in the store's place. */
  failOnce<Name extends Unit>(name: Name, error: Error): void {
    const run = this.store.run.bind(this.store);
    let isSpent = false;
    const failing = <Any extends Unit>(
      called: Any,
      args: ArgsOf<SignalboxUnits[Any]>,
    ): Promise<ResultOf<SignalboxUnits[Any]>> => {
      if (isSpent || (called as Unit) !== name) return run(called, args);
      isSpent = true;
      return Promise.reject(error);
    };
    this.store.run = failing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.plane.drain();
    await this.store.close();
  }
}

/** Whether a control plane is still there: what has been dropped hears no clock any more. */
class Life {
  isOver = false;
}

function clockFor(life: Life, clock: ManualClock): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimer: (delayMs, fire) => clock.setTimer(delayMs, () => (life.isOver ? undefined : fire())),
  };
}

/** A step that runs a command. */
export function command(name: string, over: Partial<StepInput> = {}): StepInput {
  return { name, tool: "command", inputs: { shell: `echo ${name}` }, ...over };
}

/** What an answer holds; a refusal is thrown. */
export function dataOf<T>(response: ApiResponse<T>): T {
  if (response.success) return response.data;
  throw new Error(`${response.error.code}: ${response.error.message}`);
}

/** Somebody with these scopes. */
export function caller(scopes: readonly Scope[], over: Partial<Principal> = {}): RequestContext {
  return { principal: { kind: "token", id: "tok_1", orgId: DEFAULT_ORG, scopes: new Set(scopes), ...over } };
}

/** The same request under an idempotency key. */
export function keyed(key: string, bodyHash = "body", route = "POST /runs"): RequestContext {
  return { ...caller(["admin"]), idempotency: { key, route, bodyHash } };
}
