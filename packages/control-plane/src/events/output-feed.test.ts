import { encodeOutputFrame, type OutputChunk, type StartGrant } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { crc32 } from "node:zlib";

import type { FakeRunner } from "../../test/_support/fake-runner.ts";
import { dataOf, Rig } from "../../test/_support/rig.ts";

/** Writes pieces of a stream one after the other. */
function writer(
  rig: Rig,
  runner: FakeRunner,
  { attemptId, epoch }: StartGrant,
  stream: "stdout" | "stderr" = "stdout",
) {
  const channel = rig.plane.link.openOutput(runner.runnerId, () => {});
  let offset = 0;
  return (text: string) => {
    const bytes = Buffer.from(text);
    channel.take(
      encodeOutputFrame({ attemptId, epoch, stream, offset, length: bytes.length, crc32: crc32(bytes), bytes }),
    );
    offset += bytes.length;
  };
}

type Options = Omit<Parameters<Rig["plane"]["runs"]["followOutput"]>[1], "signal">;

/** Reads output into a list until it ends or is left. */
async function read(rig: Rig, runId: string, options: Options = {}) {
  const controller = new AbortController();
  const chunks: OutputChunk[] = [];
  const output = dataOf(await rig.plane.runs.followOutput(runId, { ...options, signal: controller.signal }));
  const done = (async () => {
    for await (const some of output) chunks.push(...some);
  })();
  const text = () => Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
  return { chunks, text, done, leave: () => controller.abort() };
}

describe("RunHandler.followOutput", () => {
  it("tells what is there and ends; live, it ends with the run, after the last byte", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const grant = await runner.grant();
    await runner.start(grant);
    const write = writer(rig, runner, grant);
    write("one ");
    await rig.settle();

    const [now, live] = [await read(rig, run.id), await read(rig, run.id, { follow: true })];
    await now.done;
    write("two ");
    await eventually(() => live.text() === "one two ");
    write("three");
    await rig.settle();
    await runner.finish(grant);
    await live.done;

    expect([now.text(), live.text()]).toEqual(["one ", "one two three"]);
    expect(live.chunks).toMatchObject([
      { seq: 1, step: "a", attemptId: grant.attemptId, stream: "stdout", offset: 0, length: 4 },
      { seq: 2, offset: 4 },
      { seq: 3, offset: 8 },
    ]);
  });

  it("resumes anywhere without loss or doubling while more is stored", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const grant = await runner.grant();
    await runner.start(grant);
    const write = writer(rig, runner, grant);
    const readers = [];
    for (let piece = 1; piece <= 60; piece++) {
      write(`${piece} `);
      if (piece % 6 === 0)
        readers.push({ after: piece / 2, ...(await read(rig, run.id, { after: piece / 2, follow: true })) });
    }
    await rig.settle();
    await runner.finish(grant);

    for (const { after, chunks, done } of readers) {
      await done;
      expect(chunks.map(({ seq }) => seq)).toEqual(Array.from({ length: 60 - after }, (_, index) => after + index + 1));
    }
  });

  it("can be of one step or one attempt", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a", "b"]);
    const a = await runner.grant(0);
    writer(rig, runner, a)("from a");
    writer(rig, runner, a, "stderr")("trouble");
    await rig.settle();
    await runner.work(a);
    const b = await runner.grant(1);
    writer(rig, runner, b)("from b");
    await rig.settle();

    const texts = await Promise.all(
      (
        [{}, { step: "a" }, { step: "b" }, { attemptId: b.attemptId }, { step: "a", attemptId: b.attemptId }] as const
      ).map(async (options) => {
        const reader = await read(rig, run.id, options);
        await reader.done;
        return reader.text();
      }),
    );

    expect(texts).toEqual(["from atroublefrom b", "from atrouble", "from b", "from b", ""]);
    expect((await rig.plane.runs.followOutput(run.id, { step: "none", signal: AbortSignal.abort() })).error?.code).toBe(
      "STEP_NOT_FOUND",
    );
  });

  it("beyond what is kept of an attempt is a gap that readers see", async () => {
    await using rig = await Rig.open({ limits: { "step.outputBytes": 10 } });
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const grant = await runner.grant();
    const write = writer(rig, runner, grant);
    write("0123456789");
    write("more");
    await rig.settle();

    const reader = await read(rig, run.id);
    await reader.done;

    expect(reader.chunks).toMatchObject([
      { length: 10 },
      { length: 4, offset: 10, gap: "more output than is kept of one attempt" },
    ]);
    expect(reader.text()).toBe("0123456789");
  });

  it("lets a reader go that leaves, and all when the control plane drains", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["a"]);
    const [leaving, staying] = [await read(rig, run.id, { follow: true }), await read(rig, run.id, { follow: true })];

    leaving.leave();
    await leaving.done;
    await rig.plane.drain();

    await staying.done;
    expect([...leaving.chunks, ...staying.chunks]).toEqual([]);
  });
});

describe("the intake of output", () => {
  // Red without `hold`: a runner that ignores its window could fill the memory of the server.
  it("asks to hold a runner that sends more than its window explains, until that is stored", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    await rig.createRun(["a"]);
    const { attemptId, epoch } = await runner.grant();
    const told: boolean[] = [];
    const channel = rig.plane.link.openOutput(
      runner.runnerId,
      () => {},
      (isFull) => told.push(isFull),
    );
    const bytes = Buffer.alloc(262_144, "x");
    const sum = crc32(bytes);

    for (let frame = 0; frame < 80; frame++) {
      channel.take(
        encodeOutputFrame({
          attemptId,
          epoch,
          stream: "stdout",
          offset: frame * bytes.length,
          length: bytes.length,
          crc32: sum,
          bytes,
        }),
      );
    }
    expect(told).toEqual([true]);

    await eventually(() => told.length === 2);
    expect(told).toEqual([true, false]);
  });
});
