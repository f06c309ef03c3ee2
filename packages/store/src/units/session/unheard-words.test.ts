import type { SessionCommand, SessionFact } from "@signalbox/protocol";
import { openingOf } from "@signalbox/store";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Rig } from "../../../test/_support/session-rig.ts";

/** What a person says, once so many facts have been recorded since the beginning. */
interface Saying {
  readonly after: number;
  readonly text: string;
  readonly delivery: "queue" | "steer";
}

/** Thrown where the power goes. */
class PowerCut extends Error {}

const GO_ON = "go on";

/**
 * Machines on which a session's agent works, each until its power goes: what a runner and an agent do, fact by fact. An agent
 * acts on what it is told at once; that it did is recorded after.
 */
class World {
  readonly rig: Rig;
  /** Everything that an agent acted on, in order. */
  readonly acted: string[] = [];
  /** The same, as far as it is on record. */
  readonly heard: string[] = [];
  readonly #sayings: Saying[];
  #facts = 0;
  #power = 0;
  #inbox: SessionCommand[] = [];
  #told: string[] = [];
  /** Whether the runner is at words, or the agent at a turn: it can take steering, and no other prompt. */
  #isBusy = false;

  constructor(rig: Rig, sayings: readonly Saying[]) {
    this.rig = rig;
    this.#sayings = [...sayings];
  }

  /** Lets a machine work until it has recorded so many facts; true when all was done before. */
  async work(power: number): Promise<boolean> {
    this.#power = power;
    this.#inbox = [];
    this.#told = [];
    this.#isBusy = false;
    const opening = openingOf(await this.rig.progress());
    await this.rig.hold();
    try {
      await this.#converse(opening);
      return true;
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      await this.rig.fleet.lose(this.rig.held);
      return false;
    }
  }

  async #converse({ turns, wasWorking }: ReturnType<typeof openingOf>): Promise<void> {
    this.#isBusy = turns === 0 || wasWorking;
    await this.#record({ fact: "ready", nativeSessionId: "native-1", hasTerminal: false });
    if (turns === 0) await this.#turn("task");
    else if (wasWorking) await this.#turn(GO_ON);
    for (let seq = await this.#next(); seq !== undefined; seq = await this.#next()) {
      const told = this.#inbox.shift();
      this.#isBusy = true;
      await this.#record({ fact: "taken", seq });
      if (told?.kind === "prompt" || told?.kind === "steer") await this.#turn(told.text);
    }
  }

  /** The number of the command that comes next; what was to be said later is said now. */
  async #next(): Promise<number | undefined> {
    if (this.#inbox.length === 0 && this.#sayings.length > 0) await this.#say(this.#sayings.shift());
    const { commands } = await this.rig.progress();
    return this.#inbox.length === 0 ? undefined : commands - this.#inbox.length + 1;
  }

  async #turn(text: string): Promise<void> {
    await this.#tell({ fact: "turn_started" }, text);
    while (this.#inbox[0]?.kind === "steer") {
      const { commands } = await this.rig.progress();
      const seq = commands - this.#inbox.length + 1;
      const { text: more } = this.#inbox.shift() as Extract<SessionCommand, { kind: "steer" }>;
      await this.#record({ fact: "taken", seq });
      await this.#tell({ fact: "steered" }, more);
    }
    this.#isBusy = false;
    await this.#record({ fact: "turn_ended", status: "completed" });
  }

  async #tell(fact: SessionFact, text: string): Promise<void> {
    await this.#record(fact);
    this.#told.push(text);
    this.acted.push(text);
    await this.#record({ fact: "heard" });
    this.heard.push(...this.#told.splice(0));
  }

  async #record(fact: SessionFact): Promise<void> {
    if (this.#power-- === 0) throw new PowerCut();
    const verdict = await this.rig.record(fact);
    this.#facts += 1;
    this.#deliver(verdict?.session?.commands ?? []);
    while (this.#sayings[0] && this.#sayings[0].after <= this.#facts) await this.#say(this.#sayings.shift());
  }

  async #say(saying: Saying | undefined): Promise<void> {
    if (!saying) return;
    const { commands } = await this.rig.say(saying.text, saying.delivery);
    this.#deliver(commands);
  }

  #deliver(commands: readonly { readonly command: SessionCommand }[]): void {
    for (const { command } of commands) {
      if (command.kind === "prompt" && this.#isBusy) throw new Error(`told ${command.text} in the middle of a turn`);
      this.#inbox.push(command);
    }
  }
}

/** Runs a session to its rest over machines that last for so many facts each, and then one that lasts. */
async function converse(sayings: readonly Saying[], powers: readonly number[]): Promise<World> {
  await using rig = await Rig.open({ mode: "interactive" }, { maxLost: 5, initialDelayMs: 0 });
  const world = new World(rig, sayings);
  for (const power of [...powers, 1_000]) if (await world.work(power)) return world;
  throw new Error("the last machine had no power");
}

const INPUTS = (world: readonly string[]): readonly string[] => world.filter((text) => text !== GO_ON);

describe("words to an agent that is lost", () => {
  const sayings: readonly Saying[] = [
    { after: 3, text: "rather so", delivery: "steer" },
    { after: 4, text: "then this", delivery: "queue" },
    { after: 12, text: "and that", delivery: "queue" },
  ];
  const all = ["task", "rather so", "then this", "and that"];

  it("are all heard, in order, where nothing is lost", async () => {
    const { acted } = await converse(sayings, []);

    expect(acted).toEqual(all);
  });

  it.each(Array.from({ length: 18 }, (_, power) => [power]))(
    "are said again after fact %i, unless it was heard, and none of them is lost",
    async (power) => {
      const world = await converse(sayings, [power]);

      expect(INPUTS(world.heard)).toEqual(all);
    },
  );

  it.each([
    ["while it had heard nothing", 2, ["task", "task"]],
    ["in a turn that it had begun", 3, ["task", GO_ON]],
    ["with its turn over", 4, ["task"]],
  ])("are followed by the right ones for an agent that was lost %s", async (_, power, acted) => {
    expect((await converse([], [power])).acted).toEqual(acted);
  });

  it("show as waiting again, and can be taken back", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.turn();
    const { inputId } = await rig.say("this");
    await rig.record({ fact: "taken", seq: 1 }, { fact: "turn_started" });
    await rig.fleet.lose(rig.held);
    const { queue } = await rig.progress();

    await rig.fleet.store.run("withdrawInput", { ...rig.about(), inputId });

    expect(queue).toMatchObject([{ inputId, text: "this", isAgain: true }]);
    expect((await rig.events()).filter((type) => type.startsWith("input."))).toEqual([
      "input.queued",
      "input.taken",
      "input.returned",
      "input.withdrawn",
    ]);
  });

  it("are marked for the runner that says them again, and only then", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.turn();
    await rig.say("this");
    await rig.record({ fact: "taken", seq: 1 });
    await rig.fleet.lose(rig.held);
    await rig.say("that");
    await rig.hold();
    const first = await rig.record({ fact: "ready", hasTerminal: false });
    await rig.record({ fact: "taken", seq: 2 });

    const second = await rig.record({ fact: "turn_started" }, { fact: "turn_ended", status: "completed" });

    expect(first?.session?.commands).toMatchObject([{ command: { kind: "prompt", text: "this", isAgain: true } }]);
    expect(second?.session?.commands).toEqual([
      { seq: 3, command: expect.not.objectContaining({ isAgain: true }) as SessionCommand },
    ]);
  });

  it("wait where the session is held: its task too", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });
    await rig.fleet.store.run("pauseSession", rig.about());
    await rig.fleet.lose(rig.held);
    const opening = openingOf(await rig.progress());
    await rig.hold();
    await rig.record({ fact: "ready", hasTerminal: false });
    await rig.fleet.store.run("resumeSession", rig.about());

    await rig.record({ fact: "taken", seq: (await rig.progress()).commands });

    expect(opening).toMatchObject({ turns: 1, wasWorking: false });
    expect((await rig.commands()).at(-1)).toBe("prompt Do it");
  });

  it("wait behind those with which its runner begins", async () => {
    await using rig = await Rig.ready({ mode: "interactive" });

    const sent = await rig.say("more");
    const ended = await rig.record({ fact: "turn_started" }, { fact: "turn_ended", status: "completed" });

    expect(sent.commands).toEqual([]);
    expect(ended?.session?.commands).toMatchObject([{ command: { kind: "prompt", text: "more" } }]);
  });

  it("are said from the beginning where the work failed and is tried again", async () => {
    await using rig = await Rig.open({}, { maxAttempts: 2, initialDelayMs: 0 });
    await rig.hold();
    await rig.record({ fact: "ready", nativeSessionId: "native-1", hasTerminal: false }, { fact: "turn_started" });
    await rig.record({ fact: "heard" }, { fact: "turn_ended", status: "failed", error: "no" });
    await rig.fleet.finish(rig.held, { outcome: "failed", reason: "tool_failure" });
    const opening = openingOf(await rig.progress());
    await rig.hold();
    await rig.record({ fact: "ready", nativeSessionId: "native-2", hasTerminal: false });

    await rig.turn();

    expect(opening).toEqual({ nativeSessionId: null, turns: 0, wasWorking: false });
    expect((await rig.commands()).at(-1)).toBe("close finished");
  });

  it.each([
    ["with nothing to do", []],
    ["in a turn", [{ fact: "turn_started" }, { fact: "heard" }]],
    ["before it heard", []],
  ] satisfies [string, SessionFact[]][])(
    "are no more than its end where somebody wanted that of an agent %s",
    async (when, facts) => {
      await using rig = await Rig.ready({ mode: "interactive" });
      if (when !== "before it heard") await rig.turn();
      await rig.record(...facts);
      await rig.record({ fact: "ended", reason: "agent_crashed" });
      await rig.fleet.lose(rig.held);
      const opening = openingOf(await rig.progress());
      await rig.hold();

      const verdict = await rig.record({ fact: "ready", hasTerminal: false });

      expect(opening).toMatchObject({ turns: 1 + facts.length / 2, wasWorking: false });
      expect(verdict?.session?.commands).toMatchObject([{ command: { kind: "close", reason: "agent_crashed" } }]);
    },
  );

  it("are each heard once, and acted on twice only where that they were heard was lost too", async () => {
    const saying = fc.record({ after: fc.nat(14), delivery: fc.constantFrom("queue" as const, "steer" as const) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(saying, { maxLength: 4 }),
        fc.array(fc.nat(9), { maxLength: 5 }),
        async (drawn, powers) => {
          const said = drawn.toSorted((a, b) => a.after - b.after);
          const { acted, heard } = await converse(
            said.map(({ after, delivery }, index) => ({ after, delivery, text: `input ${index}` })),
            powers,
          );

          const words = ["task", ...said.map((_, index) => `input ${index}`)];
          expect(INPUTS(heard).toSorted()).toEqual(words.toSorted());
          expect(INPUTS(acted).length).toBeLessThanOrEqual(words.length + powers.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});
