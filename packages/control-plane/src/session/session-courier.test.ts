import { encodeOutputFrame, type SessionFact, type StartGrant } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { crc32 } from "node:zlib";

import { enrol, LinkedRunner, serve, type OutputSocket } from "../../test/_support/linked-runner.ts";
import { caller, dataOf, Rig } from "../../test/_support/rig.ts";

const CODEX = { capabilities: { providers: ["codex"], features: [] } };

/** What a runner records of one session, in order. */
class Facts {
  readonly #grant: StartGrant;
  #offset = 0;

  constructor(grant: StartGrant) {
    this.#grant = grant;
  }

  async record(output: OutputSocket, ...facts: SessionFact[]): Promise<void> {
    const bytes = Buffer.from(facts.map((fact) => `${JSON.stringify(fact)}\n`).join(""));
    const { attemptId, epoch } = this.#grant;
    const place = { attemptId, epoch, stream: "session" as const, offset: this.#offset, length: bytes.length };
    output.send(encodeOutputFrame({ ...place, crc32: crc32(bytes), bytes }));
    this.#offset += bytes.length;
    const isStored = () =>
      output.answers.some((answer) => answer.type === "ack" && answer.offset === this.#offset) || undefined;
    await eventually(isStored);
  }
}

describe("what a session is told", () => {
  it("goes to its runner at once, and again after the runner was away, until it says that it was taken", async () => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    const request = { orgId: "default", providerId: "codex", task: "Do it", mode: "interactive" } as const;
    const { sessionId } = dataOf(await rig.plane.sessions.createSession(request));
    let grant: StartGrant;
    let facts: Facts;
    const say = async (text: string) =>
      dataOf(await rig.plane.sessions.sendInput(sessionId, { text, delivery: "steer" }));
    {
      await using runner = await LinkedRunner.connect(server.url, identity, CODEX);
      const { offerId, attemptId } = await runner.told("offer");
      runner.say({ type: "accept", offerId, attemptId });
      ({ grant } = await runner.told("start"));
      await using output = await runner.openOutput();
      facts = new Facts(grant);
      await facts.record(output, { fact: "ready", hasTerminal: false }, { fact: "turn_started" });
      await say("one");
      await facts.record(output, { fact: "taken", seq: 1 });
      await say("two");

      const told = await runner.told("session_command", 1);
      expect(runner.heard("session_command").map(({ seq, taken }) => [seq, taken])).toEqual([
        [1, 0],
        [2, 1],
      ]);
      expect(told).toMatchObject({
        attemptId: grant.attemptId,
        epoch: grant.epoch,
        command: { kind: "steer", text: "two" },
      });
    }
    await eventually(() => rig.plane.stats().runnersOnline === 0);
    await say("three");

    const { attemptId, epoch } = grant;
    const held = { ...CODEX, attempts: [{ attemptId, epoch, state: "live" as const }] };
    await using back = await LinkedRunner.connect(server.url, identity, held);
    await back.told("session_command", 1);
    await say("four");
    await back.told("session_command", 2);

    expect(back.heard("session_command").map(({ seq, taken }) => [seq, taken])).toEqual([
      [2, 1],
      [3, 1],
      [4, 1],
    ]);
  });
});

describe("a yes that did not reach its runner at once", () => {
  const ASKED = {
    fact: "asked",
    requestId: "r1",
    kind: "permission",
    action: "run_command",
    description: "npm publish",
    context: {},
    questions: null,
  } as const;

  // Red without `#asItCounts`: both arrive as a yes.
  it.each([
    ["stays one while whoever said it may", false, { decision: "allow" }],
    ["is a no once whoever said it may not any more", true, { decision: "deny", isLapsed: true }],
  ])("%s", async (_, isRevoked, expected) => {
    await using rig = await Rig.open();
    await using server = await serve(rig);
    const identity = await enrol(rig);
    const bob = await rig.known(caller(["gates:decide"], { id: "tok_bob" }));
    const request = { orgId: "default", providerId: "codex", task: "Do it" } as const;
    const { sessionId } = dataOf(await rig.plane.sessions.createSession(request));
    let grant: StartGrant;
    {
      await using runner = await LinkedRunner.connect(server.url, identity, CODEX);
      const { offerId, attemptId } = await runner.told("offer");
      runner.say({ type: "accept", offerId, attemptId });
      ({ grant } = await runner.told("start"));
      await using output = await runner.openOutput();
      await new Facts(grant).record(output, { fact: "ready", hasTerminal: false }, { fact: "turn_started" }, ASKED);
    }
    await eventually(() => rig.plane.stats().runnersOnline === 0);
    const [asked] = dataOf(await rig.plane.approvals.listApprovals({ sessionId })).items;
    dataOf(await rig.plane.approvals.resolveApproval(asked!.approvalId, { decision: "allow" }, bob));
    if (isRevoked) dataOf(await rig.plane.tokens.revokeToken("tok_bob"));

    const { attemptId, epoch } = grant;
    const held = { ...CODEX, attempts: [{ attemptId, epoch, state: "live" as const }] };
    await using back = await LinkedRunner.connect(server.url, identity, held);

    expect(await back.told("session_command")).toMatchObject({
      command: { kind: "answer", requestId: "r1", contentHash: asked!.contentHash, ...expected },
    });
  });
});
