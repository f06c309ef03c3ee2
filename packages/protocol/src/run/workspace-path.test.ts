import { describe, expect, it } from "vitest";

import { limit } from "../limits.ts";
import { WorkspacePathSchema } from "./workspace-path.ts";

describe("WorkspacePathSchema", () => {
  it.each([
    "a",
    "src/index.ts",
    ".env",
    "a/.b/c",
    "..a",
    "a..",
    "...",
    "with space",
    "größe/测试 🚦",
    "-rf",
    "C:",
    "a:b",
  ])("takes %s", (path) => {
    expect(WorkspacePathSchema.safeParse(path).success).toBe(true);
  });

  it.each([
    "",
    "/",
    "/etc/passwd",
    "..",
    "../x",
    "a/../b",
    "a/..",
    ".",
    "./a",
    "a/./b",
    "a//b",
    "a/",
    "a\\b",
    "..\\x",
    "C:\\x",
    "a\u0000",
    "a\nb",
    "a\u007f",
    "a\u001b[0m",
  ])("refuses %j", (path) => {
    expect(WorkspacePathSchema.safeParse(path).success).toBe(false);
  });

  it("keeps its bounds of characters and of parts", () => {
    const length = limit("workspace.pathLength");
    const depth = limit("workspace.depth");
    const deep = (parts: number) => Array.from({ length: parts }, () => "a").join("/");

    expect([length - 1, length, length + 1].map((n) => WorkspacePathSchema.safeParse("x".repeat(n)).success)).toEqual([
      true,
      true,
      false,
    ]);
    expect([depth - 1, depth, depth + 1].map((n) => WorkspacePathSchema.safeParse(deep(n)).success)).toEqual([
      true,
      true,
      false,
    ]);
  });
});
