import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { startDevEnv } from "../dev-env.ts";
import { SessionFollower } from "../_support/session-follower.ts";
import { TerminalClient } from "../_support/terminal-client.ts";

const INACTIVE_MS = 4_000;

describe("an interactive session with nothing to do", () => {
  it("stays while somebody types in its terminal or answers, and is closed once nobody does", async () => {
    await using env = await startDevEnv();
    const { client } = env;
    const { sessionId, runId } = await client.sessions.create({
      providerId: "scripted",
      task: "say hello",
      mode: "interactive",
      permissions: "all",
      terminal: { columns: 80, rows: 24 },
      inactivityMinutes: INACTIVE_MS / 60_000,
    });
    await using follower = new SessionFollower(client, sessionId, runId);
    await using terminal = await TerminalClient.connect(env.server, sessionId);
    terminal.watch();
    await follower.turnEnd(1);
    const idleSince = performance.now();

    // For longer than it may have nothing to do; each key is answered before the next.
    let keys = 0;
    while (performance.now() - idleSince < 2 * INACTIVE_MS) {
      terminal.type(`echo key-$((${++keys}))\r`);
      await eventually(() => terminal.text.includes(`key-${keys}\r\n`));
    }
    const typed = await client.sessions.get(sessionId);
    const { approvalId, contentHash } = await client.sessions.requestApproval(sessionId, { action: "merge" });
    await client.approvals.resolve(approvalId, { decision: "deny", contentHash });
    const answeredAt = performance.now();
    const ended = await follower.end();

    expect(typed).toMatchObject({ state: "RUNNING", isWorking: false });
    expect(performance.now() - answeredAt).toBeGreaterThanOrEqual(INACTIVE_MS - 100);
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "inactive", turns: 1 });
  });
});
