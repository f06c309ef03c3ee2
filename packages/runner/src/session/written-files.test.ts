import type { FileChange } from "@signalbox/agents";
import { describe, expect, it } from "vitest";

import { WrittenFiles } from "./written-files.ts";

/** The files after calls that made these changes. */
function after(...calls: (FileChange[] | { changes: FileChange[]; status: "failed" | "denied" })[]): readonly string[] {
  const files = new WrittenFiles("/work");
  for (const [index, call] of calls.entries()) {
    const { changes, status } = Array.isArray(call) ? { changes: call, status: "ok" as const } : call;
    const toolCallId = `c${index}`;
    files.watch({ type: "tool.started", toolCallId, kind: "file_change", title: "t" });
    files.watch({ type: "tool.updated", toolCallId, kind: "file_change", title: "t", changes });
    files.watch({ type: "tool.ended", toolCallId, status });
  }
  return files.paths;
}

describe("the files that an agent wrote", () => {
  it("are those of its workspace, each once, however it spells them", () => {
    const changes: FileChange[] = [
      { path: "/work/a.txt", change: "add" },
      { path: "src/../a.txt", change: "update" },
      { path: "src/b.txt", change: "write" },
    ];

    expect(after(changes)).toEqual(["a.txt", "src/b.txt"]);
  });

  it.each(["/etc/passwd", "../a.txt", "/work/../a", "/work", "/workshop/a", ".."])("are not %s", (path) => {
    expect(after([{ path, change: "write" }])).toEqual([]);
  });

  it("are where they were moved to, and none that were deleted", () => {
    const moved: FileChange = { path: "/work/a", change: "move", movedTo: "/work/b" };

    expect(after([{ path: "/work/a", change: "add" }], [moved])).toEqual(["b"]);
    expect(after([{ path: "/work/a", change: "add" }], [{ path: "/work/a", change: "delete" }])).toEqual([]);
  });

  it("are none that a call failed at, or was denied", () => {
    const changes: FileChange[] = [{ path: "a", change: "add" }];

    expect(after({ changes, status: "failed" }, { changes, status: "denied" })).toEqual([]);
  });

  it("are named up to a thousand", () => {
    const changes = Array.from({ length: 1_500 }, (_, index): FileChange => ({ path: `f${index}`, change: "add" }));

    expect(after(changes)).toHaveLength(1_000);
  });
});
