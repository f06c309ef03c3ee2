import { describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";

describe("eventually", () => {
  it("returns the first truthy value", async () => {
    let asked = 0;

    const value = await eventually(() => (++asked < 3 ? undefined : `asked ${asked} times`));

    expect(value).toBe("asked 3 times");
  });

  it("waits out a condition that throws or rejects", async () => {
    let asked = 0;

    const value = await eventually(async () => {
      if (++asked < 3) throw new Error("not yet");
      return true;
    });

    expect(value).toBe(true);
  });

  it("gives up at the deadline and says what stood in the way", async () => {
    const refusal = new Error("still closed");

    const waiting = eventually(() => Promise.reject(refusal), { timeoutMs: 30 });

    await expect(waiting).rejects.toMatchObject({
      message: "not so after 30 ms: it still failed: still closed",
      cause: refusal,
    });
  });
});
