import type { EventRecord } from "@signalbox/protocol";
import { StoreClosedError } from "@signalbox/store";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { FakeRunner } from "../../test/_support/fake-runner.ts";
import { command, dataOf, Rig } from "../../test/_support/rig.ts";

/** A reader of a run's events: what it has seen so far, and whether it is through. */
class Reader {
  readonly batches: (readonly EventRecord[])[] = [];
  readonly controller = new AbortController();
  isDone = false;
  error: unknown;

  static async open(rig: Rig, runId: string, after = 0): Promise<Reader> {
    const reader = new Reader();
    const events = dataOf(await rig.plane.runs.followEvents(runId, { after, signal: reader.controller.signal }));
    void reader.#read(events);
    return reader;
  }

  get seqs(): number[] {
    return this.batches.flat().map(({ seq }) => seq);
  }

  async #read(events: AsyncIterable<readonly EventRecord[]>): Promise<void> {
    try {
      for await (const batch of events) this.batches.push(batch);
    } catch (error) {
      this.error = error;
    }
    this.isDone = true;
  }
}

function upTo(last: number, after = 0): number[] {
  return Array.from({ length: last - after }, (_, index) => after + index + 1);
}

/** Runs a step that tells a lot. */
async function talk(runner: FakeRunner, messages: number): Promise<void> {
  const grant = await runner.grant(runner.grants.length > 0 ? runner.grants.length - 1 : 0);
  await runner.start(grant);
  for (let percent = 0; percent < messages; percent++) {
    await runner.say({ type: "progress", attemptId: grant.attemptId, epoch: grant.epoch, percent: percent % 100 });
  }
  await runner.finish(grant);
}

describe("RunHandler.followEvents", () => {
  it("tells all from the beginning, live, and ends with the final event", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const reader = await Reader.open(rig, run.id);
    await eventually(() => reader.seqs.length > 0);
    expect(reader.isDone).toBe(false);

    await talk(runner, 10);
    await eventually(() => reader.isDone);

    expect(reader.seqs).toEqual(upTo((await rig.details(run.id)).run.lastSeq));
    expect(reader.batches.flat().at(-1)?.type).toBe("run.succeeded");
  });

  it("resumes anywhere without loss or doubling while more is appended", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const readers: [number, Reader][] = [];
    const working = talk(runner, 60);
    for (let after = 0; after < 60; after += 3) readers.push([after, await Reader.open(rig, run.id, after)]);

    await working;
    await eventually(() => readers.every(([, { isDone }]) => isDone));

    const { lastSeq } = (await rig.details(run.id)).run;
    for (const [after, reader] of readers) expect(reader.seqs).toEqual(upTo(lastSeq, after));
  });

  it("tells more than one batch holds in several", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    await talk(runner, 1_100);

    const reader = await Reader.open(rig, run.id);
    await eventually(() => reader.isDone);

    expect(reader.batches.map(({ length }) => length)).toEqual([
      500,
      500,
      (await rig.details(run.id)).run.lastSeq - 1_000,
    ]);
  });

  it("ends at once where a run that is over has nothing more, also after a number that it never had", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const beyond = await Reader.open(rig, run.id, 9_999);
    await talk(runner, 0);
    const { lastSeq } = (await rig.details(run.id)).run;

    const readers = [await Reader.open(rig, run.id, lastSeq), await Reader.open(rig, run.id, lastSeq + 1), beyond];
    await eventually(() => readers.every(({ isDone }) => isDone));

    expect(readers.flatMap(({ batches }) => batches)).toEqual([]);
  });

  it("gives readers at the same place the same batch, read once", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const grant = await runner.grant();
    const readers = await Promise.all(Array.from({ length: 20 }, () => Reader.open(rig, run.id)));
    await eventually(() => readers.every(({ seqs }) => seqs.length > 0));
    const before = readers.map(({ batches }) => batches.length);

    await runner.start(grant);
    await eventually(() => readers.every(({ batches }, index) => batches.length > (before[index] ?? 0)));

    expect(new Set(readers.map(({ batches }) => batches.at(-1))).size).toBe(1);
  });

  it("lets a reader go when it leaves, and keeps nothing of it", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["a"]);
    const [staying, leaving] = [await Reader.open(rig, run.id), await Reader.open(rig, run.id)];
    await eventually(() => rig.plane.stats().streamsOpen === 2);

    leaving.controller.abort();
    await eventually(() => leaving.isDone);
    expect(rig.plane.stats().streamsOpen).toBe(1);
    staying.controller.abort();
    await eventually(() => staying.isDone);

    expect(rig.plane.stats().streamsOpen).toBe(0);
    expect(leaving.error).toBeUndefined();
  });

  it("keeps nothing of a reader whose read failed", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["a"]);
    const view = rig.store.view.bind(rig.store);
    const stream = dataOf(await rig.plane.runs.followEvents(run.id, { signal: new AbortController().signal }));
    rig.store.view = () => Promise.reject(new StoreClosedError("closed"));

    await expect(async () => {
      for await (const _ of stream);
    }).rejects.toThrow("closed");
    rig.store.view = view;

    expect(rig.plane.stats().streamsOpen).toBe(0);
  });

  it("ends when the control plane drains", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["a"]);
    const reader = await Reader.open(rig, run.id);
    await eventually(() => rig.plane.stats().streamsOpen === 1);

    await rig.plane.drain();

    await eventually(() => reader.isDone);
    expect(rig.plane.stats().streamsOpen).toBe(0);
  });

  it("does not hear of another run", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const [quiet, busy] = [
      await rig.createRun([command("a", { requires: { features: ["none"] } })]),
      await rig.createRun(["b"]),
    ];
    const reader = await Reader.open(rig, quiet.id);
    await eventually(() => reader.seqs.length === 1);
    const before = reader.seqs;

    await talk(runner, 5);

    expect(reader.seqs).toEqual(before);
    expect((await rig.states(busy.id)).startsWith("succeeded")).toBe(true);
  });
});

describe("RunHandler.listEvents", () => {
  it("gives pages by cursor, and the number of the last event", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    await talk(runner, 5);

    const page = dataOf(await rig.plane.runs.listEvents(run.id, { after: 2, limit: 3 }));

    expect(page.events.map(({ seq }) => seq)).toEqual([3, 4, 5]);
    expect(page.lastSeq).toBe((await rig.details(run.id)).run.lastSeq);
    expect(page).not.toHaveProperty("gap");
    expect((await rig.plane.runs.listEvents(run.id, { after: -1 })).error?.code).toBe("VALIDATION_ERROR");
  });
});
