import { describe, expect, it } from "vitest";
import * as z from "zod";

import { readFrames } from "./frame-reader.ts";

describe("readFrames", () => {
  it("stops where its taker has had enough, however much stands behind", () => {
    const seen: unknown[] = [];
    const taker = {
      get isOver() {
        return seen.length >= 3;
      },
      take: (frame: unknown) => seen.push(frame),
      refuse: (reason: string, id: number | undefined) => seen.push([reason, id]),
    };

    readFrames(JSON.stringify([1, { id: "x" }, "y", ...Array(1_000).fill(2)]), z.object({ id: z.string() }), taker);

    expect(seen).toEqual([[expect.any(String), undefined], { id: "x" }, [expect.any(String), undefined]]);
  });
});
