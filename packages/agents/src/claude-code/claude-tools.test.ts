import { describe, expect, it } from "vitest";

import { claudeTool } from "./claude-tools.ts";

describe("claudeTool", () => {
  it.each([
    ["Bash", { command: "ls\nrm a", description: "list" }, { kind: "command", title: "ls\nrm a", command: "ls\nrm a" }],
    ["Read", { file_path: "/a" }, { kind: "read", title: "Read /a" }],
    ["Grep", { pattern: "x" }, { kind: "search", title: "Grep x" }],
    ["WebFetch", { url: "https://example.com" }, { kind: "fetch", title: "WebFetch https://example.com" }],
    ["Task", { description: "look" }, { kind: "agent", title: "Task look" }],
    ["mcp__db__query", {}, { kind: "other", title: "mcp__db__query" }],
    ["__proto__", {}, { kind: "other", title: "__proto__" }],
    ["Bash", { command: 7 }, { kind: "command", title: "Bash" }],
  ])("of %s %j", (name, input, tool) => {
    expect(claudeTool("t", name, input)).toMatchObject({ toolCallId: "t", name, input, ...tool });
  });

  it("shows an edit as what is replaced by what", () => {
    const input = { file_path: "/a", old_string: "one\ntwo", new_string: "three", replace_all: true };

    expect(claudeTool("t", "Edit", input).changes).toEqual([
      { path: "/a", change: "update", unifiedDiff: "@@ everywhere @@\n-one\n-two\n+three" },
    ]);
  });

  it("shows each of many edits", () => {
    const edits = [
      { old_string: "a", new_string: "" },
      { old_string: "", new_string: "b" },
    ];

    expect(claudeTool("t", "MultiEdit", { file_path: "/a", edits }).changes).toEqual([
      { path: "/a", change: "update", unifiedDiff: "@@ @@\n-a\n@@ @@\n+b" },
    ]);
  });
});
