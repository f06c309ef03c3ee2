import { existsSync, readFileSync } from "node:fs";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { AgentCapabilities, AgentError, AgentEvent, AgentEventType } from "../src/index.ts";
import { AgentEventSchema } from "../src/index.ts";
import { environOf } from "./support/agent-lab.ts";
import type { AgentLab } from "./support/agent-lab.ts";
import { allow, deny, eventsOf, textOf } from "./support/conversation.ts";

/** What an agent is asked to do, in words of no agent. */
export type Task =
  | { readonly task: "say"; readonly text: string }
  | { readonly task: "think" }
  | { readonly task: "write"; readonly path: string; readonly content: string }
  | { readonly task: "plan"; readonly path: string; readonly content: string }
  | { readonly task: "run"; readonly command: string }
  | { readonly task: "ask"; readonly question: string; readonly options: readonly [string, string, ...string[]] }
  /** Says something every tenth of a second, for a minute. */
  | { readonly task: "slow" }
  /** Its model answers with this status. */
  | { readonly task: "fail"; readonly status: 401 | 429 | 500 }
  /** Says `I was sent <n> earlier messages`. */
  | { readonly task: "recall" };

/** An agent that can be asked to do these. */
export interface ContractLab extends AgentLab {
  readonly prompt: (task: Task) => string;
  /** What its model was sent last, as JSON; of an agent without a model, what it keeps of its conversations. */
  readonly heard: () => string;
  /** Whether it has closed the line to its model before the answer's end. */
  readonly hasHungUp: () => boolean;
}

/** What is known of an agent before its tests. */
export interface ContractSubject {
  readonly name: string;
  /** Undefined leaves its tests out. */
  readonly makeLab: (() => Promise<ContractLab>) | undefined;
  readonly capabilities: AgentCapabilities;
  /** The names of its variables beside those that every agent has. */
  readonly variables: readonly string[];
}

/** Longer than any line that somebody would cut; no word twice, which some agents take for a model that is stuck. */
export const LONG_COMMAND = `echo ${Array.from({ length: 800 }, (_, index) => `word-${index}`).join(" ")} > long.txt; echo out`;

/** What holds of every agent that is spoken to through an adapter. */
export function describeAgentContract({ name, makeLab, capabilities, variables }: ContractSubject): void {
  describe.skipIf(!makeLab)(`the contract of agents: ${name}`, () => {
    const lab = async (): Promise<ContractLab> => {
      if (!makeLab) throw new Error("left out");
      return makeLab();
    };

    it("says what it can do, asks before it writes, writes when it may, and tells what it used", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      const turn = await conversation.turn(agent.prompt({ task: "write", path: "a.txt", content: "hi\n" }), allow);

      const [ready] = conversation.events;
      expect(ready).toMatchObject({ type: "session.ready", resumed: "fresh", capabilities });
      expect(orderOf(turn)).toEqual([
        "turn.started",
        "message.done",
        "tool.started",
        "approval.requested",
        "approval.resolved",
        "tool.ended",
        "message.done",
        "turn.ended",
      ]);
      expect(eventsOf(turn, "approval.requested")[0]).toMatchObject({
        kind: "file_change",
        changes: [{ path: expect.stringContaining("a.txt") as string, newText: "hi\n" }],
      });
      expect(eventsOf(turn, "tool.ended")).toMatchObject([{ status: "ok" }]);
      expect(eventsOf(turn, "turn.ended")).toMatchObject([{ status: "completed" }]);
      expect(readFileSync(agent.file("a.txt"), "utf8")).toBe("hi\n");
      expect(textOf(turn)).toContain("a.txt");
      expect(eventsOf(turn, "diff").some(({ unifiedDiff }) => unifiedDiff.includes("+hi"))).toBe(capabilities.turnDiff);
      const { total } = eventsOf(turn, "usage").at(-1) ?? {};
      expect(total?.inputTokens).toBe(2 * 1234);
      expect(total?.outputTokens).toBeGreaterThanOrEqual(2 * 49);
      expect((total?.costUsd ?? 0) > 0).toBe(capabilities.cost);
      // Before its end: what is used up can be stopped.
      expect(eventsOf(turn, "usage").length).toBeGreaterThan(capabilities.usage === "step" ? 1 : 0);
      for (const event of conversation.events) AgentEventSchema.parse(event);
      expect(conversation.all("protocol.error")).toEqual([]);
    });

    it("does not write what was denied, goes on where it can, and ends by itself when it is closed", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      const turn = await conversation.turn(agent.prompt({ task: "write", path: "a.txt", content: "hi\n" }), deny);

      expect(existsSync(agent.file("a.txt"))).toBe(false);
      expect(eventsOf(turn, "approval.resolved")).toMatchObject([{ outcome: "denied", by: "answer" }]);
      expect(eventsOf(turn, "tool.ended")).toMatchObject([{ status: "denied" }]);
      expect(eventsOf(turn, "turn.ended")).toMatchObject([
        { status: capabilities.denyContinues ? "completed" : "cancelled" },
      ]);
      expect(orderOf(turn).at(-2)).toBe(capabilities.denyContinues ? "message.done" : "tool.ended");
      expect(agent.heard().includes("not this one")).toBe(capabilities.denyReason);
      const exit = await conversation.close();
      expect(exit).toMatchObject({ reason: "closed", code: 0, signal: null, survivors: [] });
      await expect(conversation.session.prompt("more")).rejects.toMatchObject({ code: "SESSION_ENDED" });
    });

    it("ends its turn with a denial when it is told to", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      const turn = await conversation.turn(agent.prompt({ task: "write", path: "a.txt", content: "hi\n" }), () => ({
        decision: "deny",
        endTurn: true,
      }));

      expect(existsSync(agent.file("a.txt"))).toBe(false);
      expect(eventsOf(turn, "turn.ended")).toMatchObject([{ status: "cancelled" }]);
      expect(textOf(await conversation.turn(agent.prompt({ task: "say", text: "still there" })))).toBe("still there");
    });

    it("runs a command that was allowed, and shows it in full before", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      const turn = await conversation.turn(agent.prompt({ task: "run", command: LONG_COMMAND }), allow);

      const [asked] = eventsOf(turn, "approval.requested");
      expect(asked).toMatchObject({ kind: "command" });
      expect(asked?.command).toContain(LONG_COMMAND);
      expect(readFileSync(agent.file("long.txt"), "utf8")).toContain("word-1 word-2 ");
      const said = eventsOf(turn, "tool.output").map(({ text }) => text);
      expect(said.join("").includes("out")).toBe(capabilities.commandOutput !== "none");
    });

    it("does without asking what the session permits", async () => {
      await using agent = await lab();
      await using conversation = await agent.start({ permissions: "edits" });

      const wrote = await conversation.turn(agent.prompt({ task: "write", path: "a.txt", content: "hi\n" }), deny);
      const ran = await conversation.turn(agent.prompt({ task: "run", command: "touch ran.txt" }), deny);

      expect(orderOf(wrote)).not.toContain("approval.requested");
      expect(readFileSync(agent.file("a.txt"), "utf8")).toBe("hi\n");
      expect(orderOf(ran)).toContain("approval.requested");
      expect(existsSync(agent.file("ran.txt"))).toBe(false);
    });

    it.skipIf(!capabilities.allowForSession)("does not ask again for what was allowed for the session", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();
      const forSession = () => ({ decision: "allow", scope: "session" }) as const;

      await conversation.turn(agent.prompt({ task: "write", path: "a.txt", content: "one\n" }), forSession);
      const again = await conversation.turn(agent.prompt({ task: "write", path: "b.txt", content: "two\n" }), deny);

      // Some mean this very file, some every file: but one that asks again must not have written.
      const hasAsked = orderOf(again).includes("approval.requested");
      expect(existsSync(agent.file("b.txt"))).toBe(!hasAsked);
    });

    it("stops in the middle of a turn, in which it takes no other prompt, and takes one after", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      await conversation.session.prompt(agent.prompt({ task: "slow" }));
      await conversation.until("text.delta");
      await expect(conversation.session.prompt("more")).rejects.toMatchObject({ code: "TURN_RUNNING" });
      const steering = capabilities.steer ? Promise.resolve("steered") : conversation.session.steer("more");
      await expect(steering.catch((error: AgentError) => error.code)).resolves.toBe(
        capabilities.steer ? "steered" : "NOT_SUPPORTED",
      );
      await conversation.session.interrupt();

      expect(conversation.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
      await eventually(() => agent.hasHungUp());
      expect(textOf(await conversation.turn(agent.prompt({ task: "say", text: "back again" })))).toBe("back again");
    });

    it("stops at once, however early it is told to", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      const prompting = conversation.session.prompt(agent.prompt({ task: "slow" }));
      await Promise.all([prompting, conversation.session.interrupt()]);

      expect(conversation.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
      expect(textOf(await conversation.turn(agent.prompt({ task: "say", text: "back again" })))).toBe("back again");
      expect(conversation.all("process.exited")).toEqual([]);
    });

    it("stops while it waits for leave, which is then not asked any more", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      await conversation.session.prompt(agent.prompt({ task: "write", path: "a.txt", content: "hi\n" }));
      const asked = await conversation.until("approval.requested");
      await conversation.session.interrupt();

      expect(conversation.all("approval.resolved")).toMatchObject([{ outcome: "cancelled", by: "interrupt" }]);
      expect(conversation.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
      await expect(conversation.session.answer(asked.requestId, { decision: "allow" })).rejects.toMatchObject({
        code: "UNKNOWN_REQUEST",
      });
      expect(existsSync(agent.file("a.txt"))).toBe(false);
    });

    it("reports a model that refuses as a failed turn, and takes another prompt", async () => {
      await using agent = await lab();
      await using conversation = await agent.start();

      const errors = [];
      for (const status of [429, 500, 401] as const) {
        const turn = await conversation.turn(agent.prompt({ task: "fail", status }));
        errors.push(eventsOf(turn, "turn.ended")[0]);
      }

      expect(errors).toMatchObject([
        { status: "failed", error: { code: "rate_limited", isRetryable: true } },
        { status: "failed", error: { code: "server_error", isRetryable: true } },
        { status: "failed", error: { code: "authentication", isRetryable: false } },
      ]);
      expect(textOf(await conversation.turn(agent.prompt({ task: "say", text: "and on" })))).toBe("and on");
    });

    it("is closed, resumed, killed in the middle of a turn, and resumed with its history", async () => {
      await using agent = await lab();
      const first = await agent.start();
      await first.turn(agent.prompt({ task: "say", text: "remember me" }));
      await first.close();
      const resume = { nativeSessionId: first.session.nativeSessionId };
      const second = await agent.start({ resume });
      const recalled = await second.turn(agent.prompt({ task: "recall" }));
      const from = second.events.length;
      await second.session.prompt(agent.prompt({ task: "slow" }));
      await second.until("text.delta", from);

      process.kill(agent.started[1]?.process.pid ?? 0, "SIGKILL");
      const exit = await second.until("process.exited");
      await using third = await agent.start({ resume });
      const again = await third.turn(agent.prompt({ task: "recall" }));

      expect(exit).toMatchObject({ reason: "crashed", signal: "SIGKILL", survivors: [] });
      expect(second.all("turn.ended").at(-1)).toMatchObject({ status: "failed", error: { code: "agent_exited" } });
      for (const [conversation, turn] of [
        [second, recalled],
        [third, again],
      ] as const) {
        expect(conversation.events[0]).toMatchObject({ type: "session.ready", resumed: "loaded", ...resume });
        // What was said before comes to the model, and not to whoever reads the events; nor is it counted again.
        expect(textOf(turn)).toMatch(/^I was sent [1-9]\d* earlier/);
        expect(eventsOf(turn, "usage").at(-1)?.total.inputTokens).toBe(1234);
      }
    });

    it("is told of a conversation that it cannot load", async () => {
      await using agent = await lab();

      await using conversation = await agent.start({
        resume: {
          nativeSessionId: "00000000-0000-4000-8000-000000000000",
          transcript: [{ role: "user", text: "my name is Ida" }],
        },
      });
      const turn = await conversation.turn(agent.prompt({ task: "recall" }));

      expect(conversation.events[0]).toMatchObject({
        resumed: "bootstrapped",
        resumeFailure: expect.any(String) as string,
      });
      expect(textOf(turn)).toContain("I was sent 0 earlier");
      expect(agent.heard()).toContain("my name is Ida");
    });

    it("starts with exactly the variables, the instructions and the name that were set for it", async () => {
      await using agent = await lab();
      const instructions = "Speak in rhymes, always.";
      const nativeSessionId = "11111111-2222-4333-8444-555555555555";
      const more = { GREETING: "hello there" };
      await using conversation = await agent.start({ environment: more, instructions, nativeSessionId });

      const [first] = agent.started;
      const environment = await environOf(first?.process.pid ?? 0);

      expect(environment).toEqual(first?.command.env);
      expect(Object.keys(environment).sort()).toEqual(
        ["PATH", "HOME", "TMPDIR", "SIGNALBOX_AGENT_SESSION", "GREETING", ...variables].sort(),
      );
      expect(environment).toMatchObject({ HOME: agent.home, TMPDIR: agent.tmpDir, GREETING: "hello there" });
      expect(textOf(await conversation.turn(agent.prompt({ task: "say", text: "fine" })))).toBe("fine");
      expect(conversation.session.nativeSessionId === nativeSessionId).toBe(capabilities.chosenSessionId);
      expect(conversation.all("protocol.error")).toEqual([]);
      expect(agent.heard()).toContain(instructions);
    });

    it("takes what it was running with it when it is closed", async () => {
      await using agent = await lab();
      const conversation = await agent.start();
      conversation.answering = allow;
      await conversation.session.prompt(agent.prompt({ task: "run", command: "echo $$ > pid.txt; sleep 300" }));
      await eventually(() => existsSync(agent.file("pid.txt")) && readFileSync(agent.file("pid.txt"), "utf8") !== "");

      const exit = await conversation.close({ graceMs: 2_000 });

      expect(exit).toMatchObject({ reason: "closed", survivors: [] });
      expect(conversation.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
      expect(await agent.living()).toEqual([]);
    });

    it("leaves nothing when it is killed while it runs something", async () => {
      await using agent = await lab();
      const conversation = await agent.start();
      conversation.answering = allow;
      await conversation.session.prompt(agent.prompt({ task: "run", command: "echo $$ > pid.txt; sleep 300" }));
      await eventually(() => existsSync(agent.file("pid.txt")));

      process.kill(agent.started[0]?.process.pid ?? 0, "SIGKILL");
      await conversation.until("process.exited");

      expect(await agent.living()).toEqual([]);
    });

    describeExtras(lab, capabilities);
  });
}

/** What only some agents can do. */
function describeExtras(lab: () => Promise<ContractLab>, capabilities: AgentCapabilities): void {
  it.skipIf(!capabilities.thoughts)("tells what it thinks", async () => {
    await using agent = await lab();
    await using conversation = await agent.start();

    const turn = await conversation.turn(agent.prompt({ task: "think" }));

    const thoughts = eventsOf(turn, "thought.delta").map(({ text }) => text);
    expect(thoughts.join("")).toContain("think about it");
  });

  it.skipIf(!capabilities.plan)("tells its plan", async () => {
    await using agent = await lab();
    await using conversation = await agent.start();

    const turn = await conversation.turn(agent.prompt({ task: "plan", path: "a.txt", content: "hi\n" }), allow);

    expect(eventsOf(turn, "plan").map(({ entries }) => entries.map(({ status }) => status))).toEqual([
      ["in_progress", "pending"],
      ["completed", "completed"],
    ]);
  });

  it.skipIf(!capabilities.questions)("asks, is answered, and goes on without an answer", async () => {
    await using agent = await lab();
    await using conversation = await agent.start();
    const task = { task: "ask", question: "Which colour?", options: ["red", "blue"] } as const;

    const turn = await conversation.turn(agent.prompt(task), (event) =>
      event.type === "question.requested" ? { answers: { [event.questions[0]?.id ?? ""]: ["blue"] } } : undefined,
    );

    const [asked] = eventsOf(turn, "question.requested");
    expect(asked?.questions).toMatchObject([{ options: [{ label: "red" }, { label: "blue" }] }]);
    expect(eventsOf(turn, "question.resolved")).toMatchObject([{ outcome: "answered" }]);
    expect(textOf(turn)).toContain("blue");
    const declined = await conversation.turn(agent.prompt(task), deny);
    expect(eventsOf(declined, "question.resolved")).toMatchObject([{ outcome: "declined" }]);
    expect(eventsOf(declined, "turn.ended")).toMatchObject([{ status: "completed" }]);
  });

  it.skipIf(!capabilities.steer)("is steered in the middle of a turn", async () => {
    await using agent = await lab();
    await using conversation = await agent.start();

    await conversation.session.prompt(agent.prompt({ task: "slow" }));
    await conversation.until("text.delta");
    await conversation.session.steer(agent.prompt({ task: "say", text: "the other way" }));
    await conversation.until("turn.ended");

    expect(conversation.all("turn.steered")).toHaveLength(1);
    expect(conversation.all("turn.ended")).toMatchObject([{ status: "completed" }]);
    expect(textOf(conversation.events)).toContain("the other way");
  });

  it.skipIf(!capabilities.editInput)("uses a tool with the input that it was given instead", async () => {
    await using agent = await lab();
    await using conversation = await agent.start();

    await conversation.turn(agent.prompt({ task: "write", path: "a.txt", content: "hi\n" }), (event) =>
      event.type === "approval.requested"
        ? { decision: "allow", updatedInput: { ...(event.input as object), content: "changed\n" } }
        : undefined,
    );

    expect(readFileSync(agent.file("a.txt"), "utf8")).toBe("changed\n");
  });
}

/** The events of a turn in their order, less those that differ from agent to agent. */
function orderOf(events: readonly AgentEvent[]): AgentEventType[] {
  return events.map(({ type }) => type).filter((type) => !LOOSE.has(type));
}

const LOOSE: ReadonlySet<AgentEventType> = new Set([
  "text.delta",
  "thought.delta",
  "tool.updated",
  "tool.output",
  "usage",
  "diff",
  "raw",
  "plan",
]);
