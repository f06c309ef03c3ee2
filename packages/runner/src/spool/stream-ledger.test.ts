import { describe, expect, it } from "vitest";
import { StreamLedger } from "./stream-ledger.ts";

describe("StreamLedger", () => {
  it("gives bytes their place, stream by stream", () => {
    const ledger = new StreamLedger();

    const extents = [ledger.take("stdout", 3), ledger.take("stderr", 2), ledger.take("stdout", 1)];

    expect(extents.map(({ seq, offset }) => [seq, offset])).toEqual([
      [1, 0],
      [1, 0],
      [2, 3],
    ]);
  });

  it("tells dropped bytes as one gap, once", () => {
    const ledger = new StreamLedger();
    ledger.take("stdout", 3);
    ledger.drop("stdout", 5, "quota");
    ledger.drop("stdout", 7, "quota");

    expect(ledger.takeGaps()).toEqual([
      { type: "gap", stream: "stdout", seq: 2, offset: 3, length: 12, reason: "quota" },
    ]);
    expect(ledger.takeGaps()).toEqual([]);
    expect(ledger.take("stdout", 1)).toMatchObject({ seq: 3, offset: 15 });
  });

  it("turns a record that could not be written, and all after it, into one gap", () => {
    const ledger = new StreamLedger();
    const [, second] = [ledger.take("stdout", 3), ledger.take("stdout", 4), ledger.take("stdout", 5)];

    ledger.drop("stdout", 6, "disk_full");
    ledger.lose(second, "disk_full");

    expect(ledger.takeGaps()).toEqual([
      { type: "gap", stream: "stdout", seq: 2, offset: 3, length: 15, reason: "disk_full" },
    ]);
  });

  it("never moves an acknowledgement back, nor beyond what there is", () => {
    const ledger = new StreamLedger();
    ledger.take("stdout", 10);

    expect([
      ledger.acknowledge("stdout", 6),
      ledger.acknowledge("stdout", 4),
      ledger.acknowledge("stdout", 99),
    ]).toEqual([true, false, true]);
    expect(ledger.position("stdout").acknowledged).toBe(10);
  });
});
