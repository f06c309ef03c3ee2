import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";

import { RequestRefusedError, type Client } from "@signalbox/client";
import { canonicalJson, type Approval, type ApprovalContent } from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { SCALE } from "../_support/seeded-random.ts";
import { SessionFollower } from "../_support/session-follower.ts";

const SESSIONS = 5;
const ANSWERS = 8;
/** With eight answers to each: 10^4 answers in the long suite, a tenth of it otherwise. */
const ROUNDS = Math.min(250, Math.ceil(SCALE >= 8 ? 250 : 25 * SCALE));

/** Asks as often as its task says, and writes a file for each yes. */
function askingScript(): object {
  const write = (name: string) => ({ do: "write", path: `${name}.txt`, text: "yes\n" });
  return { turns: [{ steps: Array.from({ length: ROUNDS }, (_, index) => write(String(index))) }] };
}

const EDIT = `const [file, id, content, hash] = process.argv.slice(1);
const db = new (require("node:sqlite").DatabaseSync)(file, { timeout: 5000 });
const { changes } = db.prepare("UPDATE approvals SET content = ?, content_hash = ? WHERE id = ?").run(content, hash, id);
if (changes !== 1) throw new Error("there is no such row");`;

// Seen red: with a unit that answers whoever comes second with what the first had said.
describe("approvals raced over the API", () => {
  let env: DevEnv;
  let people: readonly { readonly id: string; readonly client: Client }[];
  beforeAll(async () => {
    env = await startDevEnv({ runners: 0 });
    await writeFile(env.dir.file("script.json"), JSON.stringify(askingScript()));
    await writeFile(env.dir.file("agents.json"), JSON.stringify({ agents: { scripted: { script: "script.json" } } }));
    await env.addRunner({ slots: 10, env: { SIGNALBOX_AGENTS_FILE: env.dir.file("agents.json") } });
    people = await Promise.all(
      Array.from({ length: ANSWERS }, async (_, index) => {
        const scopes = ["sessions:read", "gates:decide"] as const;
        const { id, token } = await env.client.tokens.create({ name: `person ${index}`, scopes: [...scopes] });
        return { id, client: env.server.client({ token }) };
      }),
    );
  });
  afterAll(() => env[Symbol.asyncDispose]());

  async function open(): Promise<SessionFollower> {
    const { sessionId, runId } = await env.client.sessions.create({ providerId: "scripted", task: "write" });
    return new SessionFollower(env.client, sessionId, runId);
  }

  /** Everybody answers at once, half of them yes. What each was told. */
  async function race({ approvalId, contentHash }: Approval, first: number) {
    const order = people.map((_, index) => people[(index + first) % people.length] ?? people[0]!);
    return Promise.all(
      order.map(async ({ id, client }, index) => {
        const decision = (index + first) % 2 === 0 ? "allow" : "deny";
        try {
          const { state, decidedBy } = await client.approvals.resolve(approvalId, { decision, contentHash });
          return { id, decision, told: state, by: decidedBy?.id };
        } catch (error) {
          if (!(error instanceof RequestRefusedError)) throw error;
          return { id, decision, told: error.code, by: undefined };
        }
      }),
    );
  }

  it(
    `have one answer, ${SESSIONS * ROUNDS} times, and the agent does what that was`,
    { timeout: 600_000 },
    async () => {
      const outcomes = await Promise.all(
        Array.from({ length: SESSIONS }, async () => {
          await using follower = await open();
          const yes: string[] = [];
          const wrong: unknown[] = [];
          for (let round = 1; round <= ROUNDS; round++) {
            const approval = await follower.approval(round);
            const told = await race(approval, round);
            const won = told.filter(({ by }) => by !== undefined);
            const winners = new Set(won.map(({ by }) => by));
            const { state, decidedBy } = await env.client.approvals.get(approval.approvalId);
            const isRight = told.every(({ decision, told: answer }) =>
              (decision === "allow") === (state === "allowed") ? answer === state : answer === "INVALID_STATE",
            );
            const recorded = await follower.until(
              () => follower.events.filter(({ type }) => type === "approval.resolved")[round - 1],
            );
            if (recorded.actor.id !== decidedBy?.id) wrong.push({ recorded: recorded.actor, decidedBy });
            if (winners.size !== 1 || !winners.has(decidedBy?.id) || !isRight) wrong.push({ state, told });
            if (state === "allowed") yes.push(`${round - 1}.txt`);
          }
          const { runId } = await follower.end();
          const written = (await env.client.files.list(runId)).files.map(({ path }) => path);
          const resolved = follower.types.filter((type) => type === "approval.resolved").length;
          return { wrong, resolved, isDone: written.toSorted().join() === yes.toSorted().join(), yes: yes.length };
        }),
      );

      expect(outcomes.flatMap(({ wrong }) => wrong)).toEqual([]);
      expect(outcomes.map(({ resolved }) => resolved)).toEqual(Array(SESSIONS).fill(ROUNDS));
      expect(outcomes.map(({ isDone }) => isDone)).toEqual(Array(SESSIONS).fill(true));
      expect(await findDamage(env.server)).toEqual([]);
    },
  );

  it("is never carried out when the row and its hash were both changed behind everybody's back", async () => {
    await using follower = await open();
    const {
      approvalId,
      orgId,
      sessionId = "",
      kind,
      action,
      description,
      context,
      questions = null,
      origin = null,
    } = await follower.approval();
    const shown: ApprovalContent = { v: 1, orgId, sessionId, kind, action, description, context, questions, origin };
    const changed = { ...shown, description: "something harmless" };
    const hash = hashApprovalContent(changed);
    execFileSync(process.execPath, [
      "--no-warnings",
      "-e",
      EDIT,
      env.server.database,
      approvalId,
      canonicalJson(changed),
      hash,
    ]);

    const seen = await eventually(async () => {
      const approval = await env.client.approvals.get(approvalId);
      return approval.contentHash === hash && approval;
    });
    const answered = await env.client.approvals.resolve(approvalId, {
      decision: "allow",
      contentHash: seen.contentHash,
    });
    const refused = await follower.until(() => follower.events.find(({ type }) => type === "approval.refused"));
    await env.client.sessions.stop(follower.sessionId);
    const { runId } = await follower.end();

    expect(seen.description).toBe("something harmless");
    expect(answered.state).toBe("allowed");
    expect(refused.data).toMatchObject({ approvalId, code: "CONTENT_CHANGED" });
    expect((await env.client.files.list(runId)).files).toEqual([]);
  });
});
