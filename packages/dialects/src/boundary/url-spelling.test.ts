import { describe, expect, it } from "vitest";

import { isPlainTarget } from "./url-spelling.ts";

describe("isPlainTarget", () => {
  it.each([
    "/",
    "/runs",
    "/runs/",
    "/runs?",
    "/runs?limit=5&projectId=a%2Fb",
    "/api/v1/runs/run_1/files/a/b.txt",
    "/x/.hidden/..y",
    "/a%20b",
    "/%E2%82%AC",
    "/a:b@c,d;e=f",
    "/100%25",
    "/runs?next=//x/../y%2e",
  ])("takes %s", (target) => {
    expect(isPlainTarget(target)).toBe(true);
  });

  it.each([
    "",
    "*",
    "runs",
    "//runs",
    "/runs//x",
    "/runs/x//",
    "/./runs",
    "/runs/.",
    "/runs/..",
    "/api/../runs",
    "/..",
    "/runs%2Fx",
    "/runs%2fx",
    "/runs%5Cx",
    "/runs%5cx",
    "/runs\\x",
    "/%2e%2e/runs",
    "/runs/%2E",
    "/runs%00",
    "/runs%0d%0aX",
    "/runs%7f",
    "/runs%C2%85",
    "/runs x",
    "/runs\u0001",
    "/runs\u007f",
    "/r\u00fcns",
    "/runs%",
    "/runs%2",
    "/runs%zz",
    "/%C0%AF",
    "/%FF",
    "http://127.0.0.1/runs",
    "https://evil.example/runs",
    "/runs#x",
    "/runs?a#b",
    "/runs?a b",
    "/runs?a\\b",
  ])("refuses %s", (target) => {
    expect(isPlainTarget(target)).toBe(false);
  });

  it("takes linear time", () => {
    const startMs = performance.now();

    for (const piece of ["/a", "%20", "/.", "a", "/%41", "?"]) isPlainTarget(`/${piece.repeat(16_384)}\u0001`);

    expect(performance.now() - startMs).toBeLessThan(100);
  });
});
