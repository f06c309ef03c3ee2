import { describe, expect, it } from "vitest";

import { Rig } from "../../test/_support/rig.ts";
import { SessionHandler, type SessionHandlerConfig } from "./session-handler.ts";

const REQUEST = {
  orgId: "org-123",
  providerId: "codex",
  repo: { url: "https://github.com/example/repo", branch: "main" },
  task: "Implement user authentication",
} as const;

/** A handler that stands by itself, with one session that waits for a runner. */
async function withSession(config: SessionHandlerConfig = {}) {
  const handler = new SessionHandler(config);
  const created = await handler.createSession(REQUEST);
  if (!created.success) throw new Error(created.error.message);
  return { handler, sessionId: created.data.sessionId };
}

/** The next event of a name. */
function next<Name extends "approval_requested" | "approval_resolved" | "session_completed" | "state_changed">(
  handler: SessionHandler,
  name: Name,
): Promise<unknown> {
  return new Promise((resolve) => handler.once(name, resolve as never));
}

describe("SessionHandler.createSession", () => {
  it("opens a session that waits for a runner", async () => {
    const { handler, sessionId } = await withSession();

    const session = await handler.getSession(sessionId);

    expect(session.data).toMatchObject({ sessionId, orgId: "org-123", providerId: "codex", state: "QUEUED" });
  });

  it("refuses more than the org may have at once", async () => {
    const { handler } = await withSession({ maxSessionsPerOrg: 1 });

    const second = await handler.createSession(REQUEST);

    expect(second.error?.code).toBe("SESSION_LIMIT_EXCEEDED");
    await expect(handler.createSession({ ...REQUEST, orgId: "org-b" })).resolves.toMatchObject({ success: true });
  });

  it("refuses more than the installation's limit", async () => {
    await using rig = await Rig.open({ limits: { "sessions.perOrg": 1 } });
    await rig.plane.sessions.createSession(REQUEST);

    const second = await rig.plane.sessions.createSession(REQUEST);

    expect(second.error).toMatchObject({ code: "SESSION_LIMIT_EXCEEDED" });
  });

  it.each([
    ["INVALID_PROVIDER", { ...REQUEST, providerId: "gpt" }],
    ["INVALID_PROVIDER", { ...REQUEST, providerId: "__proto__" }],
    ["VALIDATION_ERROR", { ...REQUEST, task: "" }],
    ["VALIDATION_ERROR", { ...REQUEST, task: "x".repeat(100_001) }],
    ["VALIDATION_ERROR", { ...REQUEST, repo: { url: "ext::sh -c whoami" } }],
    ["VALIDATION_ERROR", null],
    ["SESSION_NOT_FOUND", { ...REQUEST, forkOf: "ses_none.0" }],
  ])("answers %s", async (code, request) => {
    const handler = new SessionHandler();

    const refused = await handler.createSession(request as never);

    expect(refused.error?.code).toBe(code);
  });

  it("lists sessions of an org in pages, newest first", async () => {
    const handler = new SessionHandler();
    const made: string[] = [];
    for (const task of ["one", "two", "three"]) {
      const { data } = await handler.createSession({ ...REQUEST, task });
      made.push(data?.sessionId ?? "");
    }
    // Ids sort by the time of making, those of one millisecond in any order.
    const newestFirst = made.toSorted().toReversed();

    const first = await handler.listSessions("org-123", { page: 1, pageSize: 2 });
    const other = await handler.listSessions("org-b");

    expect(first.data).toMatchObject({ total: 3, hasMore: true });
    expect(first.data?.items.map(({ sessionId }) => sessionId)).toEqual(newestFirst.slice(0, 2));
    expect(other.data?.items).toEqual([]);
  });
});

describe("the life of a session", () => {
  it("refuses, and never throws, what its state does not allow", async () => {
    const { handler, sessionId } = await withSession();

    const stopped = await handler.stopSession(sessionId, "User requested");
    const paused = await handler.pauseSession(sessionId);
    const resumed = await handler.resumeSession(sessionId);
    const said = await handler.sendInput(sessionId, { text: "hello" });

    expect(stopped.data).toMatchObject({ state: "COMPLETED", reason: "stopped", message: "User requested" });
    expect([paused.error?.code, resumed.error?.code, said.error?.code]).toEqual(
      Array.from({ length: 3 }, () => "INVALID_STATE"),
    );
  });

  it.each(["getSession", "stopSession", "pauseSession", "resumeSession", "interruptSession"] as const)(
    "%s knows no session that does not exist",
    async (method) => {
      expect((await new SessionHandler()[method]("ses_none.0")).error?.code).toBe("SESSION_NOT_FOUND");
    },
  );

  it("tells each state that it goes through", async () => {
    const handler = new SessionHandler();
    const told: string[] = [];
    handler.on("session_created", () => told.push("created"));
    handler.on("state_changed", ({ from, to }) => told.push(`${from} ${to}`));
    handler.on("session_completed", ({ reason }) => told.push(`completed ${reason}`));
    const over = next(handler, "session_completed");

    const created = await handler.createSession(REQUEST);
    await handler.stopSession(created.data?.sessionId ?? "");
    await over;

    expect(told).toEqual(["created", "CREATED QUEUED", "QUEUED COMPLETED", "completed stopped"]);
  });
});

describe("approvals", () => {
  it("are told to whoever listens after they were asked for, and hold the session until they are answered", async () => {
    const { handler, sessionId } = await withSession();
    void handler.requestApproval(sessionId, "merge", "Merge PR #123", { prNumber: 123 });
    const requested = (await next(handler, "approval_requested")) as { approval: { approvalId: string } };
    const waiting = await handler.getSession(sessionId);

    const resolved = await handler.resolveApproval(sessionId, {
      approvalId: requested.approval.approvalId,
      decision: "allow",
      reason: "Approved after code review",
    });

    expect(requested).toMatchObject({ sessionId, approval: { action: "merge", context: { prNumber: 123 } } });
    expect(waiting.data).toMatchObject({ state: "WAITING_FOR_APPROVAL", pendingApprovals: [{ action: "merge" }] });
    expect(resolved.data).toMatchObject({ state: "allowed", reason: "Approved after code review" });
    expect((await handler.getSession(sessionId)).data?.state).toBe("RUNNING");
  });

  it("are refused when nobody knows them", async () => {
    const { handler, sessionId } = await withSession();

    const refused = await handler.resolveApproval(sessionId, { approvalId: "approval-123", decision: "allow" });

    expect(refused.error?.code).toBe("APPROVAL_NOT_FOUND");
  });

  it("count one answer of many that race", async () => {
    const { handler, sessionId } = await withSession();
    const asked = await handler.requestApproval(sessionId, "merge");
    const approvalId = asked.data?.approvalId ?? "";

    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        handler.resolveApproval(sessionId, { approvalId, decision: index % 2 === 0 ? "allow" : "deny" }),
      ),
    );

    const won = answers[0]?.data?.state;
    expect(won).toBe("allowed");
    expect(answers.filter(({ success }) => success)).toHaveLength(100);
    expect(new Set(answers.flatMap(({ data }) => data?.state ?? []))).toEqual(new Set(["allowed"]));
  });
});
