import { DEFAULT_ORG, type Approval, type ApiResponse, type Scope, type SessionFact } from "@signalbox/protocol";
import { readCommands, readEvents } from "@signalbox/store";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { FakeRunner, Held } from "../../test/_support/fake-runner.ts";
import { caller, dataOf, Rig } from "../../test/_support/rig.ts";
import type { RequestContext } from "../request-context.ts";

/** A multiple of what is open at once. CI has ten thousand. */
const APPROVALS = Number(process.env["SIGNALBOX_APPROVAL_RACES"] ?? 1_000);
const SESSIONS = 20;
const OPEN_AT_ONCE = 50;

/** What somebody says, and which answers are the same as theirs. */
const ANSWERS = [
  { who: "tok_a", decision: "allow", scope: "once" },
  { who: "tok_b", decision: "deny", scope: "once" },
  { who: "tok_c", decision: "allow", scope: "session" },
  { who: "tok_d", decision: "allow", scope: "once" },
  { who: "tok_e", decision: "deny", scope: "once" },
] as const;
type Answer = (typeof ANSWERS)[number];

function isSame(one: Answer, other: Answer): boolean {
  return one.decision === other.decision && one.scope === other.scope;
}

function stateAfter({ decision }: Answer): string {
  return decision === "allow" ? "allowed" : "denied";
}

/** Somebody who may decide, and is known by name. */
function person(id: string, scopes: readonly Scope[] = ["sessions:read", "gates:decide"], orgId = DEFAULT_ORG) {
  return caller(scopes, { id, orgId });
}

/** A session whose agent is at work on a runner, and asks whatever a test wants. */
class Asking {
  readonly rig: Rig;
  readonly sessionId: string;
  readonly #runner: FakeRunner;
  readonly #held: Held;
  #offset = 0;
  #asked = 0;

  private constructor(rig: Rig, sessionId: string, runner: FakeRunner, held: Held) {
    this.rig = rig;
    this.sessionId = sessionId;
    this.#runner = runner;
    this.#held = held;
  }

  static async open(rig: Rig, runner: FakeRunner, approvalTimeoutMinutes = 60): Promise<Asking> {
    const what = { providerId: "codex", task: "Do it", mode: "interactive" } as const;
    const request = { orgId: DEFAULT_ORG, ...what, approvalTimeoutMinutes };
    const { sessionId, runId } = dataOf(await rig.plane.sessions.createSession(request));
    const grant = await eventually(() => runner.grants.find(({ envelope }) => envelope.runId === runId));
    await runner.start(grant);
    const asking = new Asking(rig, sessionId, runner, grant);
    await asking.record({ fact: "ready", hasTerminal: false }, { fact: "turn_started" });
    return asking;
  }

  async record(...facts: SessionFact[]): Promise<void> {
    const bytes = Buffer.from(facts.map((fact) => `${JSON.stringify(fact)}\n`).join(""));
    const { attemptId, epoch } = this.#held;
    const piece = { attemptId, epoch, stream: "session", offset: this.#offset, length: bytes.length, bytes } as const;
    const args = { runnerId: this.#runner.runnerId, pieces: [piece], maxBytes: 1, now: this.rig.clock.now() };
    const [verdict] = await this.rig.store.run("appendOutput", args);
    if (verdict?.kind !== "ack") throw new Error(`what was recorded is not stored: ${verdict?.kind}`);
    this.#offset += bytes.length;
  }

  /** Asks so many things, and answers the approvals that are open now. */
  async ask(count: number): Promise<Approval[]> {
    const facts = Array.from({ length: count }, (): SessionFact => {
      const command = `echo ${++this.#asked}`;
      const asks = { kind: "permission", action: "shell", description: command, context: { command } } as const;
      return { fact: "asked", requestId: `r${this.#asked}`, ...asks, questions: null };
    });
    await this.record(...facts);
    const query = { sessionId: this.sessionId, state: "pending", limit: 100 } as const;
    return dataOf(await this.rig.plane.approvals.listApprovals(query)).items;
  }

  /** The answers that the runner was told, by the request that they are to. */
  told(): Map<string, string[]> {
    const told = new Map<string, string[]>();
    for (const { command, attemptId } of this.#runner.heard("session_command")) {
      if (attemptId !== this.#held.attemptId || command.kind !== "answer") continue;
      told.set(command.requestId, [...(told.get(command.requestId) ?? []), `${command.decision} ${command.scope}`]);
    }
    return told;
  }
}

async function answer(rig: Rig, { approvalId, contentHash }: Approval, { who, decision, scope }: Answer) {
  return rig.plane.approvals.resolveApproval(approvalId, { decision, scope, contentHash }, person(who));
}

/** All answer at the same time, another one first each time. */
async function race(rig: Rig, approval: Approval, first: number): Promise<[Answer, ApiResponse<Approval>][]> {
  const order = ANSWERS.map((_, index) => ANSWERS[(index + first) % ANSWERS.length] ?? ANSWERS[0]);
  return Promise.all(
    order.map(async (one) => [one, await answer(rig, approval, one)] as [Answer, ApiResponse<Approval>]),
  );
}

async function withRunner<T>(work: (rig: Rig, runner: FakeRunner) => Promise<T>): Promise<T> {
  await using dir = await tempDir();
  await using rig = await Rig.open({ directory: dir.path, limits: { "sessions.perOrg": SESSIONS } });
  const runner = await rig.runner({ providers: ["codex"], slots: SESSIONS });
  return await work(rig, runner);
}

describe("an approval that several people answer at the same time", () => {
  it(
    `has one answer, ${APPROVALS} times: the others are the same or refused, and the runner and the log hear of one`,
    { timeout: 300_000 },
    () =>
      withRunner(async (rig, runner) => {
        const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => Asking.open(rig, runner)));
        const won = new Map<string, string>();
        for (let left = APPROVALS; left > 0; left -= SESSIONS * OPEN_AT_ONCE) {
          const open = (await Promise.all(sessions.map((session) => session.ask(OPEN_AT_ONCE)))).flat();
          expect(open).toHaveLength(SESSIONS * OPEN_AT_ONCE);
          const raced = await Promise.all(open.map((approval, index) => race(rig, approval, index)));
          for (const [index, answers] of raced.entries()) {
            const { approvalId, sessionId, origin } = open[index]!;
            const [winner] = answers.find(([, { success }]) => success)!;
            for (const [one, { success, data, error }] of answers) {
              expect(success).toBe(isSame(one, winner));
              expect(data?.state).toBe(success ? stateAfter(winner) : undefined);
              expect(error?.code).toBe(success ? undefined : "INVALID_STATE");
            }
            const winners = ANSWERS.filter((one) => isSame(one, winner)).map(({ who }) => who);
            expect(winners).toContain(answers.find(([, { success }]) => success)?.[1].data?.decidedBy?.id);
            won.set(`${sessionId} ${origin?.requestId}`, `${winner.decision} ${winner.scope}`);
            won.set(approvalId, stateAfter(winner));
          }
        }

        expect(new Set(won.values()).size).toBe(5);
        for (const session of sessions) await compare(rig, session, won);
      }),
  );

  it("has one answer when time is over just then; and after that, none counts", () =>
    withRunner(async (rig, runner) => {
      const session = await Asking.open(rig, runner, 1 / 60);
      const open = await session.ask(40);
      const expiresAt = Date.parse(open[0]!.expiresAt);
      rig.clock.advance(expiresAt - rig.clock.now() - 1);
      const expire = async ({ approvalId }: Approval) =>
        rig.store.run("fireTimer", { id: `approval.expire:${approvalId}`, now: expiresAt });

      const [inTime, tooLate, raced, never] = [0, 10, 20, 30].map((at) => open.slice(at, at + 10)) as Approval[][];
      const allow = async (approvals: Approval[] = []) =>
        Promise.all(approvals.map((approval) => answer(rig, approval, ANSWERS[0])));
      await allow(inTime);
      await Promise.all([...(inTime ?? []), ...(tooLate ?? [])].map(expire));
      await Promise.all([allow(raced), ...(raced ?? []).map(expire)]);
      rig.clock.advance(1);
      const late = (await Promise.all([allow(tooLate), allow(never)])).flat();
      await Promise.all((never ?? []).map(expire));

      const states = await Promise.all(open.map(({ approvalId }) => rig.plane.approvals.getApproval(approvalId)));
      const decided = states.map((state) => dataOf(state).state);
      const lasted = { allowed: decided.slice(0, 10), expired: [...decided.slice(10, 20), ...decided.slice(30)] };
      expect(lasted).toEqual({ allowed: Array(10).fill("allowed"), expired: Array(20).fill("expired") });
      expect(countsOf(late.map(({ error }) => error?.code ?? "answered"))).toEqual({ INVALID_STATE: 20 });
      const commands = await rig.store.view(() => readCommands(session.sessionId, 0));
      const told = new Map(commands.map(({ command }) => idAndDecision(command)));
      expect(open.map(({ approvalId }) => told.get(approvalId))).toEqual(
        decided.map((state) => (state === "allowed" ? "allow" : "deny")),
      );
      expect(commands).toHaveLength(open.length);
    }));
});

function idAndDecision(command: string): [string, string] {
  const { approvalId, decision } = JSON.parse(command) as { approvalId: string; decision: string };
  return [approvalId, decision];
}

function countsOf(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));
}

/** A session's rows, log and runner say the same, once. */
async function compare(rig: Rig, session: Asking, won: ReadonlyMap<string, string>): Promise<void> {
  const each = APPROVALS / SESSIONS;
  const told = session.told();
  expect(told.size).toBe(each);
  for (const [requestId, answers] of told) expect(answers).toEqual([won.get(`${session.sessionId} ${requestId}`)]);

  const commands = await rig.store.view(() => readCommands(session.sessionId, 0));
  expect(commands.filter(({ command }) => command.includes('"kind":"answer"'))).toHaveLength(each);

  const events = await rig.store.view(() => readEvents(session.sessionId, 0, 100_000));
  const resolved = events
    .filter(({ type }) => type === "approval.resolved")
    .map(({ data }) => JSON.parse(data) as { approvalId: string; state: string });
  expect(resolved).toHaveLength(each);
  expect(new Set(resolved.map(({ approvalId }) => approvalId)).size).toBe(each);
  for (const { approvalId, state } of resolved) expect(state).toBe(won.get(approvalId));
}

describe("an answer that does not count", () => {
  const REFUSED: [what: string, code: string, who: RequestContext][] = [
    ["of somebody who may not decide", "FORBIDDEN", person("tok_x", ["sessions:read", "sessions:write"])],
    ["of somebody in another org", "APPROVAL_NOT_FOUND", person("tok_y", ["admin"], "org-b")],
  ];

  it.each(REFUSED)("is that %s", async (_what, code, who) =>
    withRunner(async (rig, runner) => {
      const session = await Asking.open(rig, runner);
      const [approval] = await session.ask(1);
      const { approvalId, contentHash } = approval!;

      const refused = await rig.plane.approvals.resolveApproval(approvalId, { decision: "allow", contentHash }, who);

      expect(refused.error?.code).toBe(code);
      expect(session.told().size).toBe(0);
      expect(dataOf(await rig.plane.approvals.getApproval(approvalId)).state).toBe("pending");
    }),
  );

  it.each([
    ["the turn is over", { fact: "turn_ended", status: "cancelled" }],
    ["the agent waits no more", { fact: "withdrawn", requestId: "r1" }],
    ["the agent is gone", undefined],
  ] satisfies [string, SessionFact | undefined][])("is one that comes when %s", async (_what, fact) =>
    withRunner(async (rig, runner) => {
      const session = await Asking.open(rig, runner);
      const [approval] = await session.ask(1);
      if (fact) await session.record(fact);
      else dataOf(await rig.plane.sessions.stopSession(session.sessionId));
      if (!fact) await runner.finish(runner.grants[0]!, { outcome: "cancelled" } as never);

      const late = await answer(rig, approval!, ANSWERS[0]);

      expect(late.error).toMatchObject({ code: "INVALID_STATE", details: { state: "superseded" } });
      expect(session.told().size).toBe(0);
    }),
  );

  // Seen red: without the look at the row's own hash, the changed command was allowed.
  it.each(["npm publish", "echo 2"])("is a yes to a row that somebody has changed: %s", async (command) =>
    withRunner(async (rig, runner) => {
      const session = await Asking.open(rig, runner);
      const [approval] = await session.ask(1);
      await rig.settle();
      rig.editDatabase("UPDATE approvals SET content = replace(content, 'echo 1', ?)", command);

      const yes = await rig.plane.approvals.resolveApproval(approval!.approvalId, { decision: "allow" });
      const no = await rig.plane.approvals.resolveApproval(approval!.approvalId, { decision: "deny" });

      expect(yes.error?.code).toBe("CONTENT_CHANGED");
      expect(no.data?.state).toBe("denied");
      expect([...session.told().values()]).toEqual([["deny once"]]);
    }),
  );
});
