import { limit, RECORD_LEFT_OUT, type ApiResponse, type StartGrant } from "@signalbox/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { FakeRunner } from "../../test/_support/fake-runner.ts";
import { dataOf, Rig } from "../../test/_support/rig.ts";
import { AttemptBoard } from "../runner/attempt-board.ts";
import { partsOf, SessionRecords, type RecordBounds } from "./session-records.ts";

const MARK = JSON.stringify(RECORD_LEFT_OUT);

/** A session that one attempt after the other has; each lets its agent say something. */
class Relay implements AsyncDisposable {
  readonly rig: Rig;
  readonly runner: FakeRunner;
  readonly #sizes = new Map<string, number>();

  constructor(rig: Rig, runner: FakeRunner) {
    this.rig = rig;
    this.runner = runner;
  }

  static async open(): Promise<Relay> {
    const rig = await Rig.open();
    const request = { orgId: "default", providerId: "codex", task: "Do it", mode: "interactive" } as const;
    dataOf(await rig.plane.sessions.createSession(request));
    return new Relay(rig, await rig.runner({ providers: ["codex"] }));
  }

  /** The attempt that has the session now. */
  async take(): Promise<StartGrant> {
    const grant = await this.runner.grant(this.#sizes.size);
    this.#sizes.set(grant.attemptId, 0);
    await this.runner.start(grant);
    return grant;
  }

  /** The attempt is lost, and another is to have it. */
  async lose(grant: StartGrant): Promise<void> {
    await this.runner.finish(grant, { outcome: "interrupted", reason: "interrupted" });
    this.rig.clock.advance(10_000);
  }

  async say({ attemptId, epoch }: StartGrant, text: string, gap?: string): Promise<void> {
    const bytes = gap === undefined ? Buffer.from(text) : Buffer.alloc(0);
    const length = Buffer.byteLength(text);
    const offset = this.#sizes.get(attemptId) ?? 0;
    this.#sizes.set(attemptId, offset + length);
    const place = { attemptId, epoch, stream: "agent" as const, offset, length, bytes };
    const pieces = [{ ...place, ...(gap === undefined ? {} : { gap }) }];
    await this.rig.store.run("appendOutput", {
      runnerId: this.runner.runnerId,
      pieces,
      maxBytes: 1e9,
      now: this.rig.clock.now(),
    });
  }

  /** What a runner is given of the attempts before; with other bounds than the product's, from a reader of its own. */
  async read({ attemptId, epoch, envelope }: StartGrant, bounds?: RecordBounds): Promise<string> {
    const { rig, runner } = this;
    const board = new AttemptBoard({ clock: rig.clock, onLost: () => undefined });
    const place = {
      attemptId,
      epoch,
      runId: envelope.runId,
      orgId: "default",
      stepIndex: 0,
      runnerId: runner.runnerId,
    };
    board.add({ ...place, concurrencyKey: undefined, cancelMode: null, leaseEndsAt: Number.MAX_SAFE_INTEGER });
    const records = bounds ? new SessionRecords({ store: rig.store, board, bounds }) : rig.plane.records;
    board.stop();
    return textOf(await records.open({ attemptId, epoch }, runner));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.rig[Symbol.asyncDispose]();
  }
}

async function textOf(answer: ApiResponse<AsyncIterable<Uint8Array>>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const bytes of dataOf(answer)) chunks.push(bytes);
  return Buffer.concat(chunks).toString();
}

describe("the record of a session", () => {
  it("is what its agents said before, attempt by attempt, for the runner that has it now", async () => {
    await using relay = await Relay.open();
    for (const words of ["one", "two"]) {
      const grant = await relay.take();
      await relay.say(grant, `{"${words}":1}\n`);
      await relay.say(grant, `{"${words}":2}\n`);
      await relay.lose(grant);
    }
    const grant = await relay.take();
    await relay.say(grant, '{"its own":1}\n');

    const lines = (await relay.read(grant)).split("\n").filter((line) => line !== "");

    expect(lines).toEqual(['{"one":1}', '{"one":2}', '{"two":1}', '{"two":2}']);
  });

  it("is empty where there was nothing before", async () => {
    await using relay = await Relay.open();
    const grant = await relay.take();

    expect(await relay.read(grant)).toBe("");
  });

  it("marks what was lost on the way, on a line of its own", async () => {
    await using relay = await Relay.open();
    const first = await relay.take();
    await relay.say(first, '{"one":1}\n{"two');
    await relay.say(first, '":2}\n{"thr', "the disk was full");
    await relay.say(first, 'ee":3}\n');
    await relay.lose(first);
    const grant = await relay.take();

    const lines = (await relay.read(grant)).split("\n").filter((line) => line !== "");

    expect(lines).toEqual(['{"one":1}', '{"two', MARK, 'ee":3}']);
  });

  it("is, of more than is given, the beginning and the end, whatever pieces it was stored in", async () => {
    await using relay = await Relay.open();
    const first = await relay.take();
    for (let piece = 0; piece < 50; piece++) await relay.say(first, `${piece}`.padStart(9) + "\n");
    await relay.lose(first);
    const grant = await relay.take();

    const record = await relay.read(grant, { maxBytes: 45, headBytes: 15 });

    const lines = record.split("\n").filter((line) => line !== "");
    expect(lines.map((line) => line.trim())).toEqual(["0", "", MARK, "47", "48", "49"]);
    expect(record.length).toBe(45 + `\n${MARK}\n`.length + 2);
  });

  it.each([
    ["another runner", "other runner", "ATTEMPT_NOT_FOUND"],
    ["its runner under another epoch", "other epoch", "ATTEMPT_NOT_FOUND"],
    ["its runner, of an attempt that is over", "over", "ATTEMPT_NOT_FOUND"],
    ["its runner, of a step that has none", "no session", "SESSION_NOT_FOUND"],
  ])("is not for %s", async (_, how, code) => {
    await using relay = await Relay.open();
    const { rig, runner } = relay;
    const grant = await relay.take();
    await relay.say(grant, "a secret\n");
    if (how === "over") await relay.lose(grant);
    if (how === "no session") await rig.createRun(["build"]);
    const plain = how === "no session" ? await runner.grant(1) : grant;

    const answer = await rig.plane.records.open(
      { attemptId: plain.attemptId, epoch: how === "other epoch" ? 2 : plain.epoch },
      how === "other runner" ? { runnerId: "rnr_other" } : runner,
    );

    expect(answer.error?.code).toBe(code);
  });

  it("is given within the limits of the product", () => {
    expect(limit("session.recordHeadBytes")).toBeLessThan(limit("session.recordBytes"));
  });
});

describe("what is given of records", () => {
  it("is all, or the first and the last bytes, never more than the bound", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 6 }), fc.integer({ min: 1, max: 100 }), (lengths, maxBytes) => {
        const headBytes = Math.floor(maxBytes / 3);
        const records = lengths.map((length, index) => ({ attemptId: `${index}`, number: index + 1, length }));

        const parts = partsOf(records, { maxBytes, headBytes });

        const all = records.flatMap(({ attemptId, length }) => Array.from({ length }, (_, at) => `${attemptId}.${at}`));
        const given = parts.map((part) =>
          part === "left_out"
            ? []
            : Array.from({ length: part.to - part.from }, (_, at) => `${part.attemptId}.${part.from + at}`),
        );
        const isWhole = all.length <= maxBytes;
        expect(parts.includes("left_out")).toBe(!isWhole);
        expect(given.flat()).toEqual(
          isWhole ? all : [...all.slice(0, headBytes), ...all.slice(all.length - (maxBytes - headBytes))],
        );
      }),
    );
  });
});
