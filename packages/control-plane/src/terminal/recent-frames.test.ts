import { describe, expect, it } from "vitest";

import { RecentFrames } from "./recent-frames.ts";

function frame(offset: number, bytes: number) {
  return { offset, end: offset + bytes, bytes: Buffer.alloc(bytes) };
}

describe("the frames that are kept for who is a little behind", () => {
  it("are the last, as many as there is room for", () => {
    const frames = new RecentFrames(100);
    for (let offset = 0; offset < 200; offset += 40) frames.add(frame(offset, 40));

    expect([0, 40, 80, 120, 160].filter((offset) => frames.get(offset))).toEqual([120, 160]);
  });

  it("are counted once when one is built anew", () => {
    const frames = new RecentFrames(100);
    frames.add(frame(0, 60));
    for (let time = 0; time < 5; time++) frames.add(frame(60, 40));

    expect(frames.get(0)).toBeDefined();
  });

  it("do without one that is larger than all the room", () => {
    const frames = new RecentFrames(100);
    frames.add(frame(0, 101));

    expect(frames.get(0)).toBeUndefined();
  });
});
