import { canonicalJson } from "@signalbox/protocol";
import { verifyStore, type ProblemKind, type VerifyReport } from "@signalbox/store";
import { verifyDataDir } from "@signalbox/store/sqlite";
import { tempDir, type TempDir } from "@signalbox/testkit";
import Database from "better-sqlite3";
import { copyFile, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Fleet, gate, sha256 } from "../../test/_support/fleet.ts";

/** A store on disk with a run that ended, one that waits at a gate, one that failed once, and one that is at work. */
async function livedIn(directory: string): Promise<Fleet> {
  const fleet = await Fleet.open(directory);
  const file = await put(fleet, "hello");
  const manifest = await put(
    fleet,
    canonicalJson({
      v: 1,
      commit: null,
      files: [{ path: "a.txt", sha256: file, bytes: 5, executable: false }],
      deleted: [],
    }),
  );

  const ended = await fleet.createRun(["a"], { id: "run_ended" });
  const held = await fleet.lease(ended.runId, 0);
  await fleet.start(held);
  await fleet.output(held, 0, "abc");
  await fleet.output(held, 3, "def");
  const merged = { from: null, to: manifest, repo: null };
  await fleet.finish(held, { artifacts: [{ path: "a.txt", sha256: file, bytes: 5 }] }, { merged });

  await fleet.createRun([gate("ask"), "b"], { id: "run_gate", header: fleet.header({ timeoutMs: 60_000 }) });
  const retried = await fleet.createRun([{ name: "a", tool: "command", retry: { maxAttempts: 2 } }], {
    id: "run_retry",
  });
  await fleet.attempt(retried.runId, 0, { outcome: "failed", reason: "timeout" });
  await fleet.start(await fleet.lease((await fleet.createRun(["a"], { id: "run_live" })).runId, 0));

  await fleet.registerPlugin("crier");
  await fleet.store.run("approvePlugin", { ...fleet.plugin("crier"), manifestHash: sha256("crier") });
  await fleet.store.run("createPluginToken", { ...fleet.plugin("crier"), id: "tok_crier", hash: "h", expiresAt: null });

  await fleet.createWebhook("whk_1", ["run.*", "gate.*"]);
  await fleet.createRun([gate("ask")], { id: "run_told" });

  const asked = await fleet.createRun([{ name: "session", tool: "agent:codex", inputs: { task: "Do it" } }], {
    id: "run_session",
    header: fleet.header({ budget: { tokens: 100, costUsd: 1 } }),
  });
  const agent = await fleet.lease(asked.runId, 0);
  await fleet.start(agent);
  const facts = [
    { fact: "ready" },
    { fact: "turn_started" },
    { fact: "usage", usage: { inputTokens: 120, outputTokens: 4, costUsd: 0.5 } },
    { fact: "asked", requestId: "r", kind: "permission", action: "a", description: "", context: {}, questions: null },
  ];
  await fleet.output(agent, 0, facts.map((fact) => `${JSON.stringify(fact)}\n`).join(""), { stream: "session" });
  return fleet;
}

async function put(fleet: Fleet, text: string): Promise<string> {
  const name = sha256(text);
  await fleet.store.blobs.put(name, Readable.from([Buffer.from(text)]), { maxBytes: 1_000 });
  return name;
}

function kinds({ problems }: VerifyReport): ProblemKind[] {
  return [...new Set(problems.map(({ kind }) => kind))];
}

/** The folder of such a store after it was closed, made once; tests damage copies of it. */
let original: TempDir;

beforeAll(async () => {
  original = await tempDir();
  await (await livedIn(original.file("data"))).store.close();
});

afterAll(() => original[Symbol.asyncDispose]());

/** A copy of the folder in which somebody ran a statement. */
async function damaged(sql: string): Promise<TempDir & { changes: number }> {
  const dir = await tempDir();
  await cp(original.file("data"), dir.file("data"), { recursive: true });
  const database = new Database(dir.file("data", "signalbox.db"));
  database.pragma("synchronous = OFF");
  const { changes } = database.prepare(sql).run();
  database.close();
  return Object.assign(dir, { changes });
}

describe("verifyDataDir", () => {
  it("finds nothing wrong beside the server that writes, and changes nothing", async () => {
    await using dir = await tempDir();
    await using fleet = await livedIn(dir.file("data"));

    const report = await verifyDataDir(dir.file("data"), { hashes: true, now: fleet.now });

    expect(report).toEqual({
      runs: 6,
      runners: 2,
      plugins: 1,
      sessions: 1,
      webhooks: 1,
      events: 43,
      problemCount: 0,
      problems: [],
      notes: [],
    });
    expect((await fleet.createRun(["still at work"])).lastSeq).toBe(1);
  });

  it("finds nothing wrong after the server has gone, or was cut off from its log's end", async () => {
    await using dir = await tempDir();
    const fleet = await livedIn(dir.file("data"));
    await mkdir(dir.file("copy"));
    for (const name of ["signalbox.db", "signalbox.db-wal"])
      await copyFile(dir.file("data", name), dir.file("copy", name));
    await fleet.store.close();

    const closed = await verifyDataDir(dir.file("data"));
    const cutOff = await verifyDataDir(dir.file("copy"));

    expect([closed.runs, closed.problemCount]).toEqual([6, 0]);
    expect([cutOff.runs, kinds(cutOff)]).toEqual([6, ["blob"]]);
  });

  it("refuses a folder without a database, and a database of another version", async () => {
    await using dir = await damaged("INSERT INTO schema_migrations VALUES (99, 'later', 0)");

    await expect(verifyDataDir(dir.path)).rejects.toMatchObject({ name: "StoreOpenError" });
    await expect(verifyDataDir(dir.file("data"))).rejects.toMatchObject({ name: "DatabaseTooNewError" });
  });
});

describe("verifyStore", () => {
  const SHA = "0".repeat(64);
  const progress = (path: string, value: string) =>
    `UPDATE runs SET progress = json_set(progress, '$.${path}', json('${value}'))`;

  it.each<[string, ProblemKind, string]>([
    ["an event that is gone", "sequence", "DELETE FROM events WHERE stream = 'run_ended' AND seq = 3"],
    ["the last event gone", "sequence", "DELETE FROM events WHERE stream = 'run_live' AND seq = 4"],
    ["an event of a runner gone", "sequence", "DELETE FROM events WHERE stream = 'rnr_1' AND seq = 2"],
    ["an unknown type", "event", "UPDATE events SET type = 'run.danced' WHERE type = 'run.started'"],
    ["data without what its type promises", "event", "UPDATE events SET data = '{}' WHERE type = 'step.finished'"],
    ["data that is no JSON", "event", "UPDATE events SET data = '{' WHERE type = 'gate.pending'"],
    ["an actor that is nobody", "event", "UPDATE events SET actor = 'ghost:1' WHERE seq = 1"],
    [
      "a run that failed though every step succeeded",
      "move",
      "UPDATE events SET type = 'run.failed', data = json_set(data, '$.error', 'x', '$.reason', 'timeout') WHERE type = 'run.succeeded'",
    ],
    [
      "an event after the end",
      "move",
      'UPDATE events SET type = \'run.succeeded\', data = \'{"goal":"g","duration":1,"steps_count":1}\' WHERE stream = \'run_ended\' AND seq = 3',
    ],
    ["another state of a run than its events say", "state", "UPDATE runs SET state = 'failed' WHERE id = 'run_ended'"],
    ["another state of a step", "state", `${progress("steps[0].state", '"ready"')} WHERE id = 'run_ended'`],
    ["a step that a dead attempt holds", "state", `${progress("steps[0].live", "1")} WHERE id = 'run_ended'`],
    ["a live attempt that nobody holds", "state", `${progress("steps[0].live", "null")} WHERE id = 'run_live'`],
    ["another number of failures", "state", `${progress("steps[0].failures", "0")} WHERE id = 'run_retry'`],
    [
      "a second success",
      "state",
      "UPDATE runs SET progress = json_insert(progress, '$.steps[0].attempts[#]', json_extract(progress, '$.steps[0].attempts[0]')) WHERE id = 'run_ended'",
    ],
    ["another runner", "state", `${progress("steps[0].attempts[0].runnerId", '"rnr_2"')} WHERE id = 'run_live'`],
    ["a run that cannot be read", "state", "UPDATE runs SET progress = '{' WHERE id = 'run_live'"],
    ["a runner in another state", "state", "UPDATE runners SET state = 'draining' WHERE id = 'rnr_1'"],
    ["a plugin in another state", "state", "UPDATE plugins SET state = 'pending'"],
    ["a plugin with another manifest than was approved", "state", "UPDATE plugins SET manifest_hash = 'other'"],
    ["a webhook in another state", "state", "UPDATE webhooks SET state = 'disabled'"],
    ["a webhook that goes elsewhere", "state", "UPDATE webhooks SET url = 'https://elsewhere.example/'"],
    [
      "a webhook that is told of other events",
      "state",
      "UPDATE webhook_filters SET filter = 'plugin.*' WHERE filter = 'gate.*'",
    ],
    ["what waits for a webhook and is never due", "state", "UPDATE webhook_deliveries SET due_at = NULL"],
    ["an approval that nobody gave", "state", "UPDATE plugins SET approved_at = NULL"],
    [
      "an approval of another manifest",
      "move",
      "UPDATE events SET data = json_set(data, '$.manifestHash', 'other') WHERE type = 'plugin.approved'",
    ],
    ["a session in another state", "state", "UPDATE sessions SET state = 'RUNNING'"],
    [
      "a session whose turns were forgotten",
      "state",
      "UPDATE sessions SET progress = json_set(progress, '$.turns', 0)",
    ],
    ["a command that was never given", "state", "UPDATE sessions SET progress = json_set(progress, '$.taken', 9)"],
    ["an approval that nobody decided", "gate", "UPDATE approvals SET state = 'allowed'"],
    ["an approval that is gone", "gate", "DELETE FROM approvals"],
    ["an approval of a session that is gone", "gate", "UPDATE approvals SET session_id = 'ses_gone.0'"],
    [
      "a session that went where it could not",
      "move",
      "UPDATE events SET data = json_set(data, '$.from', 'PAUSED_BY_HUMAN') WHERE type = 'session.state_changed' AND seq = 2",
    ],
    ["a session of a run that is gone", "orphan", "UPDATE sessions SET run_id = 'run_gone'"],
    [
      "a use that no session told",
      "state",
      "UPDATE run_ledgers SET ledger = json_set(ledger, '$.used.inputTokens', 9)",
    ],
    [
      "a budget that nobody granted",
      "state",
      "UPDATE run_ledgers SET ledger = json_set(ledger, '$.budget.tokens', 900)",
    ],
    [
      "a part of a budget that nobody holds",
      "state",
      "UPDATE run_ledgers SET ledger = json_remove(ledger, '$.held.0')",
    ],
    ["a ledger of a run that is gone", "orphan", "UPDATE run_ledgers SET run_id = 'run_gone'"],
    ["a token of a plugin that is gone", "orphan", "UPDATE tokens SET plugin_id = 'plg_gone'"],
    ["a gate in another state", "state", "UPDATE gates SET state = 'approved'"],
    ["a gate of another content", "hash", "UPDATE gates SET content = json_set(content, '$.description', 'harmless')"],
    ["a hole in output", "output", "UPDATE output_segments SET start = 4 WHERE seq = 2"],
    ["output that overlaps", "output", "UPDATE output_segments SET start = 2 WHERE seq = 2"],
    ["bytes that are gone", "output", "UPDATE output_segments SET bytes = x'61' WHERE seq = 1"],
    ["a piece that is gone", "output", "DELETE FROM output_segments WHERE seq = 2"],
    ["another length of a stream", "output", "UPDATE output_streams SET length = 7"],
    ["a delay without a timer", "timer", "DELETE FROM timers WHERE kind = 'step.delay'"],
    ["a gate without a timer", "timer", "DELETE FROM timers WHERE kind = 'gate.expire'"],
    ["a gate whose timer fires at another time", "timer", "UPDATE timers SET due_at = 1 WHERE kind = 'gate.expire'"],
    ["a time limit without a timer", "timer", "DELETE FROM timers WHERE kind = 'run.timeout'"],
    ["a timer of no run", "timer", "INSERT INTO timers VALUES ('t', 'step.delay', 1, 'run_gone', '0')"],
    ["an artifact without an event", "artifact", "UPDATE artifacts SET id = 'art_ended.0.9'"],
    ["an artifact that is gone", "artifact", "DELETE FROM artifacts"],
    ["an artifact of another size", "blob", "UPDATE artifacts SET bytes = 6"],
    ["an artifact without its blob", "blob", `UPDATE artifacts SET sha256 = '${SHA}'`],
    ["a workspace without its blob", "blob", `${progress("manifest", `"${SHA}"`)} WHERE id = 'run_ended'`],
    ["events of nothing", "orphan", "UPDATE events SET stream = 'run_gone' WHERE stream = 'run_live'"],
    ["output of nothing", "orphan", "UPDATE output_segments SET run_id = 'run_gone' WHERE run_id = 'run_ended'"],
    ["a run that is gone", "orphan", "DELETE FROM runs WHERE id = 'run_gate'"],
  ])("sees %s", async (_, kind, sql) => {
    await using dir = await damaged(sql);

    const report = await verifyDataDir(dir.file("data"), { hashes: true });

    expect(dir.changes).toBeGreaterThan(0);
    expect(kinds(report)).toContain(kind);
  });

  it("sees a blob whose bytes have changed, when it is asked to hash", async () => {
    await using dir = await damaged("UPDATE runs SET state = state");
    const name = sha256("hello");
    const path = dir.file("data", "blobs", name.slice(0, 2), name.slice(2));
    await rm(path);
    await writeFile(path, "jello");

    const reports = [await verifyDataDir(dir.file("data")), await verifyDataDir(dir.file("data"), { hashes: true })];

    expect(reports.map(kinds)).toEqual([[], ["hash"]]);
  });

  it("notes what is no problem: blobs of nothing, old answers, late deliveries and timers", async () => {
    await using fleet = await Fleet.open();
    await put(fleet, "nobody's");
    const idempotency = { orgId: "o", principal: "p", key: "k", route: "r", bodyHash: "h", expiresAt: fleet.now };
    await fleet.createWebhook("whk_1", ["gate.pending"]);
    await fleet.createRun([gate("ask", { inputs: { expiresInMs: 1_000 } })], { idempotency });

    const report = await verifyStore(fleet.store, { now: fleet.now + 100_000_000 });

    expect(report.problems).toEqual([]);
    expect(report.notes.map(({ kind, count }) => `${count} ${kind}`)).toEqual([
      "1 expired_answers",
      "1 late_deliveries",
      "1 overdue_timers",
      "1 orphan_blobs",
    ]);
  });

  it("counts every problem and keeps the first of them", async () => {
    await using dir = await damaged("UPDATE events SET actor = 'ghost:1'");

    const report = await verifyDataDir(dir.file("data"), { maxProblems: 2 });

    expect([report.problemCount, report.problems.length]).toEqual([43, 2]);
  });
});
