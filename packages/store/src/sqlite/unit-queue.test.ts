import { describe, expect, it } from "vitest";
import { OutcomeUnknownError, StoreBusyError, StoreClosedError } from "../errors.ts";
import { GroupBuffer } from "./group-buffer.ts";
import { DEFAULT_WRITER_LIMITS } from "./limits.ts";
import { UnitQueue } from "./unit-queue.ts";
import type { QueuedUnit } from "./unit-queue.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function queueWith(limits: Partial<typeof DEFAULT_WRITER_LIMITS> = {}) {
  const sent: string[][] = [];
  const send = (units: QueuedUnit[]) => void sent.push(units.map(({ name }) => name));
  return { sent, queue: new UnitQueue({ limits: { ...DEFAULT_WRITER_LIMITS, ...limits }, send }) };
}

describe("UnitQueue", () => {
  it("sends all units of one turn together", async () => {
    const { sent, queue } = queueWith();

    for (const name of ["a", "b", "c"]) void queue.submit(name, {});
    await nextTurn();
    void queue.submit("d", {});
    await nextTurn();

    expect(sent).toEqual([["a", "b", "c"], ["d"]]);
  });

  it("settles those who have waited longest, each with its own result or error", async () => {
    const { queue } = queueWith();
    const settled = Promise.allSettled(["a", "b", "c"].map((name) => queue.submit(name, {})));
    const error = new Error("not b");

    queue.settle({ results: [1, undefined], failures: [{ index: 1, error }] });
    queue.settle({ results: [3], failures: [] });

    expect(await settled).toEqual([
      { status: "fulfilled", value: 1 },
      { status: "rejected", reason: error },
      { status: "fulfilled", value: 3 },
    ]);
  });

  it("takes units up to its limit and refuses the next", async () => {
    const { queue } = queueWith({ maxQueuedUnits: 2 });
    const waiting = [queue.submit("a", {}), queue.submit("b", {})];

    await expect(queue.submit("c", {})).rejects.toBeInstanceOf(StoreBusyError);

    queue.settle({ results: [1, 2], failures: [] });
    expect(await Promise.all(waiting)).toEqual([1, 2]);
    void queue.submit("d", {});
  });

  it("refuses bytes beyond its limit, but takes one large unit when nothing waits", async () => {
    const { queue } = queueWith({ maxQueuedBytes: 1_000 });

    void queue.submit("large", { bytes: new Uint8Array(5_000) });

    await expect(queue.submit("small", { text: "x" })).rejects.toBeInstanceOf(StoreBusyError);
  });

  it("rejects all that wait when the writer is lost, and everything after that", async () => {
    const { sent, queue } = queueWith();
    const waiting = queue.submit("a", {}).catch((error: unknown) => error);

    queue.fail(new OutcomeUnknownError("lost"));
    await nextTurn();

    expect(await waiting).toBeInstanceOf(OutcomeUnknownError);
    await expect(queue.submit("b", {})).rejects.toBeInstanceOf(StoreClosedError);
    expect(sent).toEqual([]);
  });
});

describe("GroupBuffer", () => {
  const unit = (name: string, bytes = 10): QueuedUnit => ({ name, args: {}, bytes });
  const names = (units: QueuedUnit[]) => units.map(({ name }) => name).join("");

  it("hands out groups of a bounded number of units, across the batches they came in", () => {
    const buffer = new GroupBuffer({ ...DEFAULT_WRITER_LIMITS, maxGroupUnits: 3 });
    buffer.add([unit("a"), unit("b")]);
    buffer.add([unit("c"), unit("d")]);

    expect(buffer.hasFullGroup).toBe(true);
    expect([buffer.next(), buffer.next(), buffer.next()].map(names)).toEqual(["abc", "d", ""]);
  });

  it("ends a group at the unit that fills it with bytes", () => {
    const buffer = new GroupBuffer({ ...DEFAULT_WRITER_LIMITS, maxGroupBytes: 100 });
    buffer.add([unit("a", 60), unit("b", 40), unit("c", 500), unit("d")]);

    expect([buffer.next(), buffer.next(), buffer.next()].map(names)).toEqual(["ab", "c", "d"]);
  });
});
