import { describe, expect, it } from "vitest";

import { Keyboards } from "./keyboards.ts";

describe("the keyboard of a terminal", () => {
  it("is one client's until they let go of it, and stays theirs however often they take it", () => {
    const keyboards = new Keyboards();

    expect([keyboards.take("t", "a"), keyboards.take("t", "a"), keyboards.take("t", "b")]).toEqual([true, true, false]);
    expect(keyboards.release("t", "b")).toBe(false);
    expect(keyboards.holder("t")).toBe("a");
    expect(keyboards.release("t", "a")).toBe(true);
    expect(keyboards.take("t", "b")).toBe(true);
  });

  it("is free when its client is gone, with all others that they had, and nobody else's", () => {
    const keyboards = new Keyboards();
    for (const [terminal, client] of ["1a", "2a", "3b"]) keyboards.take(terminal ?? "", client ?? "");

    expect(keyboards.leave("a")).toEqual(["1", "2"]);
    expect(["1", "2", "3"].map((terminal) => keyboards.holder(terminal))).toEqual([undefined, undefined, "b"]);
    expect(keyboards.leave("a")).toEqual([]);
  });
});
