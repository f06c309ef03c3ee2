import { describe, expect, it } from "vitest";

import { Fleet, type Held } from "../../../test/_support/fleet.ts";

async function working(): Promise<Fleet & { runId: string; held: Held }> {
  const fleet = await Fleet.open();
  const { runId } = await fleet.createRun(["work"]);
  return Object.assign(fleet, { runId, held: await fleet.lease(runId, 0) });
}

/** What is stored, in order: `stdout 0+3 abc`, a gap in brackets. */
async function stored(fleet: Fleet): Promise<string[]> {
  const rows = await fleet.store.all<{
    stream: string;
    start: number;
    length: number;
    gap: string | null;
    bytes: Uint8Array;
  }>("SELECT stream, start, length, gap, bytes FROM output_segments ORDER BY seq");
  return rows.map(
    ({ stream, start, length, gap, bytes }) =>
      `${stream} ${start}+${length} ${gap === null ? Buffer.from(bytes).toString() : `[${gap}]`}`,
  );
}

describe("appendOutput", () => {
  it.each([
    ["what comes next", 3, "def", "ack", 6, ["stdout 0+3 abc", "stdout 3+3 def"]],
    ["a duplicate", 0, "abc", "ack", 3, ["stdout 0+3 abc"]],
    ["part of what is there", 1, "b", "ack", 3, ["stdout 0+3 abc"]],
    ["an overlap, of which it keeps the new", 1, "bcd", "ack", 4, ["stdout 0+3 abc", "stdout 3+1 d"]],
    ["a piece behind a hole, which it sends back", 4, "e", "expect", 3, ["stdout 0+3 abc"]],
    ["nothing", 3, "", "ack", 3, ["stdout 0+3 abc"]],
  ] as const)("takes %s", async (_, offset, text, kind, at, pieces) => {
    await using fleet = await working();
    await fleet.output(fleet.held, 0, "abc");

    const verdict = await fleet.output(fleet.held, offset, text);

    expect(verdict).toMatchObject({ kind, offset: at, runId: fleet.runId });
    expect(await stored(fleet)).toEqual(pieces);
  });

  it("counts each stream for itself and numbers the pieces of a run in order", async () => {
    await using fleet = await working();

    await fleet.output(fleet.held, 0, "out");
    await fleet.output(fleet.held, 0, "err", { stream: "stderr" });
    await fleet.output(fleet.held, 3, "!");

    expect(await stored(fleet)).toEqual(["stdout 0+3 out", "stderr 0+3 err", "stdout 3+1 !"]);
    expect(await fleet.store.all("SELECT stream, length FROM output_streams ORDER BY stream")).toEqual([
      { stream: "stderr", length: 3 },
      { stream: "stdout", length: 4 },
    ]);
  });

  it("keeps a gap that the runner declares, also over the end of what is there", async () => {
    await using fleet = await working();
    await fleet.output(fleet.held, 0, "abc");

    const verdict = await fleet.output(fleet.held, 1, "", { length: 9, gap: "spool full" });
    await fleet.output(fleet.held, 10, "k");

    expect(verdict).toMatchObject({ kind: "ack", offset: 10 });
    expect(await stored(fleet)).toEqual(["stdout 0+3 abc", "stdout 3+7 [spool full]", "stdout 10+1 k"]);
  });

  it.each([
    ["another epoch", { epoch: 2 }, 0],
    ["an attempt that is not there", { attemptId: "att_x.0.1" }, 0],
  ])("is fenced with %s", async (_, over, offset) => {
    await using fleet = await working();

    expect(await fleet.output(fleet.held, 0, "abc", over)).toMatchObject({ kind: "fenced", offset });
    expect(await stored(fleet)).toEqual([]);
  });

  it("is fenced for another runner", async () => {
    await using fleet = await working();

    expect(await fleet.output({ ...fleet.held, runnerId: "rnr_2" }, 0, "abc")).toMatchObject({ kind: "fenced" });
  });

  it("takes no second spelling of an attempt's id, which would have a quota of its own", async () => {
    await using fleet = await working();

    const verdict = await fleet.output(
      { ...fleet.held, attemptId: fleet.held.attemptId.replace(/1$/, "01") },
      0,
      "abc",
    );

    expect(verdict).toMatchObject({ kind: "fenced" });
  });

  it("after the end of an attempt acknowledges what is there and takes no more", async () => {
    await using fleet = await working();
    await fleet.output(fleet.held, 0, "abc");
    await fleet.lose(fleet.held);

    expect(await fleet.output(fleet.held, 0, "abc")).toMatchObject({ kind: "ack", offset: 3 });
    expect(await fleet.output(fleet.held, 3, "d")).toMatchObject({ kind: "fenced", offset: 3 });
  });

  it.each([
    ["the last byte that is kept", "ab", "stdout 3+2 ab"],
    ["one byte more", "abc", "stdout 3+3 [more output than is kept of one attempt]"],
  ])("stores %s", async (_, text, piece) => {
    await using fleet = await working();
    await fleet.output(fleet.held, 0, "abc", { maxBytes: 5 });

    const verdict = await fleet.output(fleet.held, 3, text, { maxBytes: 5 });

    expect(verdict).toMatchObject({ kind: "ack", offset: 3 + text.length });
    expect((await stored(fleet))[1]).toBe(piece);
  });

  it("counts all streams of an attempt together against what is kept of it", async () => {
    await using fleet = await working();
    await fleet.output(fleet.held, 0, "abc", { maxBytes: 5 });

    await fleet.output(fleet.held, 0, "abc", { stream: "stderr", maxBytes: 5 });

    expect((await stored(fleet))[1]).toBe("stderr 0+3 [more output than is kept of one attempt]");
  });
});
