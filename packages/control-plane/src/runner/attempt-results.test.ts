import { encodeOutputFrame } from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { StorageFullError } from "@signalbox/store";
import { describe, expect, it } from "vitest";
import { crc32 } from "node:zlib";

import type { Held } from "../../test/_support/fake-runner.ts";
import { command, dataOf, Rig } from "../../test/_support/rig.ts";

async function write(rig: Rig, runnerId: string, { attemptId, epoch }: Held, text: string, offset = 0): Promise<void> {
  const bytes = Buffer.from(text);
  rig.plane.link
    .openOutput(runnerId, () => {})
    .take(
      encodeOutputFrame({
        attemptId,
        epoch,
        stream: "stdout",
        offset,
        length: bytes.length,
        crc32: crc32(bytes),
        bytes,
      }),
    );
  await rig.settle();
}

function stdout(text: string, over: { sha256?: string } = {}) {
  return {
    streams: [{ stream: "stdout" as const, length: Buffer.byteLength(text), sha256: sha256Hex(text), ...over }],
  };
}

describe("a result", () => {
  it("said again is acknowledged again and changes nothing", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);

    const first = await runner.finish(grant);
    const before = await rig.events(run.id);
    const second = await runner.finish(grant);

    expect([first.verdict, second.verdict]).toEqual(["applied", "duplicate"]);
    expect(await rig.events(run.id)).toEqual(before);
  });

  it("said many times at once is applied once", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a", "b"]);
    const grant = await runner.grant();
    await runner.start(grant);

    await Promise.all(Array.from({ length: 20 }, () => runner.finish(grant)));
    await rig.settle();

    const verdicts = runner
      .heard("finish_ack")
      .map(({ verdict }) => verdict)
      .toSorted();
    expect(verdicts).toEqual(["applied", ...Array.from({ length: 19 }, () => "duplicate")]);
    expect((await rig.step(run.id, "b")).attempts).toHaveLength(1);
  });

  it("other than the first is too late", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.work(grant);

    expect((await runner.finish(grant, { outcome: "failed", exitCode: 1 })).verdict).toBe("fenced");
    expect(await rig.states(run.id)).toBe("succeeded: succeeded");
  });

  it("of an attempt that nobody knows is unknown", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();

    expect((await runner.finish({ attemptId: "att_x.0.1", epoch: 1 })).verdict).toBe("unknown");
  });

  it("before the word that it has started is applied all the same", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);

    await runner.finish(await runner.grant());

    expect(await rig.states(run.id)).toBe("succeeded: succeeded");
  });

  it("waits for output that is not here, and says from where on", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);
    await write(rig, runner.runnerId, grant, "hello ");

    const early = await runner.finish(grant, stdout("hello world"));
    expect(early).toMatchObject({
      verdict: "incomplete",
      missing: { blobs: [], streams: [{ stream: "stdout", offset: 6 }] },
    });
    expect(await rig.states(run.id)).toBe("running: running");
    await write(rig, runner.runnerId, grant, "world", 6);

    expect((await runner.finish(grant, stdout("hello world"))).verdict).toBe("applied");
  });

  // Red without `#withChecksums`.
  it.each([
    ["as it came in", false],
    ["read again after a restart", true],
  ])("fails when its output, %s, is not what was sent", async (_, restarts) => {
    await using rig = await Rig.open();
    let runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);
    await write(rig, runner.runnerId, grant, "hello");
    if (restarts) {
      await rig.startPlane();
      runner = await rig.runner({ runnerId: runner.runnerId });
    }

    await runner.finish(grant, stdout("hello", { sha256: sha256Hex("jello") }));

    expect(await rig.step(run.id, "work")).toMatchObject({
      status: "failed",
      reason: "runtime_error",
      message: "stored stdout differs from what the runner sent",
    });
  });

  it("whose output was read again after a restart is found to be right", async () => {
    await using rig = await Rig.open();
    const before = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await before.grant();
    await before.start(grant);
    await write(rig, before.runnerId, grant, "hello ");
    await rig.startPlane();
    const runner = await rig.runner({ runnerId: before.runnerId });
    await write(rig, runner.runnerId, grant, "world", 6);

    await runner.finish(grant, stdout("hello world"));

    expect(await rig.states(run.id)).toBe("succeeded: succeeded");
  });

  it("waits for blobs that are not here: first the list of changes, then the files on it", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);
    const changes = {
      v: 1,
      commit: null,
      deleted: [],
      truncated: false,
      written: [{ path: "a", sha256: sha256Hex("file"), bytes: 4, executable: false }],
    };
    const list = { sha256: sha256Hex(JSON.stringify(changes)), files: 1 };
    const artifacts = [{ path: "b", sha256: sha256Hex("artifact"), bytes: 8 }];
    const missing = async () => (await runner.finish(grant, { changes: list, artifacts })).missing?.blobs.toSorted();

    expect(await missing()).toEqual([list.sha256, sha256Hex("artifact")].toSorted());
    await rig.putBlob(JSON.stringify(changes));
    await rig.putBlob("artifact");
    expect(await missing()).toEqual([sha256Hex("file")]);
    await rig.putBlob("file");

    expect((await runner.finish(grant, { changes: list, artifacts })).verdict).toBe("applied");
  });

  it.each([
    ["no JSON", "{"],
    ["something else", "[1]"],
    ["a path out of the workspace", '{"v":1,"commit":null,"written":[],"deleted":["../x"],"truncated":false}'],
  ])("whose list of changes is %s fails the step and is acknowledged", async (_, text) => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);

    const answer = await runner.finish(grant, { changes: { sha256: await rig.putBlob(text), files: 1 } });

    expect(answer.verdict).toBe("applied");
    expect(await rig.step(run.id, "work")).toMatchObject({ status: "failed", reason: "runtime_error" });
  });

  it("that the store cannot take now is not acknowledged; said again, it is applied", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["work"]);
    const grant = await runner.grant();
    await runner.start(grant);
    rig.failOnce("finishAttempt", new StorageFullError("no room"));

    await expect(runner.finish(grant)).rejects.toThrow("no room");
    expect(runner.heard("finish_ack")).toEqual([]);
    expect((await runner.finish(grant)).verdict).toBe("applied");

    expect(await rig.states(run.id)).toBe("succeeded: succeeded");
  });
});

describe("what an attempt changed", () => {
  async function twoSideBySide(rig: Rig) {
    const runner = await rig.runner();
    const run = await rig.createRun([command("a", { needs: [] }), command("b", { needs: [] })]);
    const grants = [await runner.grant(0), await runner.grant(1)] as const;
    for (const grant of grants) await runner.start(grant);
    return { runner, run, grants };
  }

  it("is merged with what another step changed meanwhile", async () => {
    await using rig = await Rig.open();
    const { runner, run, grants } = await twoSideBySide(rig);

    await runner.finish(grants[0], { changes: await rig.putChanges({ "a.txt": "from a" }) });
    await runner.finish(grants[1], { changes: await rig.putChanges({ "b.txt": "from b" }) });

    expect(dataOf(await rig.plane.runs.listFiles(run.id)).files.map(({ path }) => path)).toEqual(["a.txt", "b.txt"]);
    expect(await rig.states(run.id)).toBe("succeeded: succeeded succeeded");
  });

  it("is merged also when both come at the same time", async () => {
    await using rig = await Rig.open();
    const { runner, run, grants } = await twoSideBySide(rig);
    const changes = [await rig.putChanges({ "a.txt": "from a" }), await rig.putChanges({ "b.txt": "from b" })] as const;

    await Promise.all(grants.map((grant, index) => runner.finish(grant, { changes: changes[index] })));
    await rig.settle();

    // Red without the comparison of manifests in the unit `finishAttempt`: one of the two would be lost.
    expect(dataOf(await rig.plane.runs.listFiles(run.id)).files.map(({ path }) => path)).toEqual(["a.txt", "b.txt"]);
  });

  it("in conflict with what another step changed fails the step and touches nothing", async () => {
    await using rig = await Rig.open();
    const { runner, run, grants } = await twoSideBySide(rig);

    await runner.finish(grants[0], { changes: await rig.putChanges({ "same.txt": "from a" }) });
    const answer = await runner.finish(grants[1], {
      changes: await rig.putChanges({ "same.txt": "from b", "b.txt": "b" }),
    });

    const { steps, run: ended } = await rig.details(run.id);
    expect(answer.verdict).toBe("applied");
    expect(ended).toMatchObject({ status: "failed", reason: "workspace_conflict" });
    expect(steps.find(({ status }) => status === "failed")).toMatchObject({ reason: "workspace_conflict" });
    expect(dataOf(await rig.plane.runs.listFiles(run.id)).files).toMatchObject([
      { path: "same.txt", sha256: sha256Hex("from a") },
    ]);
  });

  it("is the beginning of the step after it, and can be read when the runner is gone", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a", "b"]);
    await runner.work(await runner.grant(), { changes: await rig.putChanges({ "dir/a.txt": "hello" }) });

    const next = await runner.grant(1);
    expect(next.envelope.baseManifest).toBe(
      (await rig.store.all<{ progress: string }>("SELECT progress FROM runs")).map(
        ({ progress }) => JSON.parse(progress).manifest,
      )[0],
    );
    await runner.work(next, { changes: await rig.putChanges({ "dir/a.txt": null, "b.txt": "b" }) });
    dataOf(await rig.plane.runners.deregisterRunner(runner.runnerId));

    const content = dataOf(await rig.plane.runs.getFile(run.id, "b.txt"));
    const parts: Uint8Array[] = [];
    for await (const part of content.open()) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe("b");
    expect((await rig.plane.runs.getFile(run.id, "dir/a.txt")).error?.code).toBe("FILE_NOT_FOUND");
  });

  it("is the beginning of a run that starts from this one", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const first = await rig.createRun(["a"]);
    await runner.work(await runner.grant(), { changes: await rig.putChanges({ "a.txt": "hello" }) });

    const second = await rig.createRun(["b"], { fromRunId: first.id });

    expect(dataOf(await rig.plane.runs.listFiles(second.id)).files.map(({ path }) => path)).toEqual(["a.txt"]);
    expect((await runner.grant(1)).envelope.baseManifest).not.toBeNull();
  });

  it("is not kept of an attempt that failed", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);

    await runner.work(await runner.grant(), {
      outcome: "failed",
      reason: "tool_failure",
      changes: await rig.putChanges({ "a.txt": "half" }),
    });

    expect(dataOf(await rig.plane.runs.listFiles(run.id)).files).toEqual([]);
  });
});
