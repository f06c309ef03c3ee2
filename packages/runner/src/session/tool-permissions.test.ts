import type { AgentEventOf } from "@signalbox/agents";
import { describe, expect, it } from "vitest";

import { ToolPermissions, type ToolPermissionsSettings } from "./tool-permissions.ts";

type Asked = AgentEventOf<"approval.requested">;

function decide(asked: Partial<Asked>, toolsAllowed: readonly string[] | null, permissions: Mode = "all") {
  const event: Asked = {
    type: "approval.requested",
    requestId: "r1",
    kind: "command",
    title: "t",
    canEditInput: false,
    options: [],
    ...asked,
  };
  return new ToolPermissions({ toolsAllowed, permissions }).decide(event)?.decision;
}
type Mode = ToolPermissionsSettings["permissions"];

const change = (kind: "add" | "update" | "write" | "delete" | "move") => [{ path: "/work/a", change: kind }];

describe("what a step allows its agent", () => {
  it.each([
    ["command", { kind: "command" }, ["run_command"], ["write_file", "delete_file", "fetch"]],
    ["command by another word", { kind: "command" }, ["shell"], ["bash"]],
    ["a new file", { kind: "file_change", changes: change("add") }, ["write_file"], ["delete_file", "run_command"]],
    ["an edit", { kind: "file_change", changes: change("update") }, ["edit"], ["delete_file"]],
    ["a deletion", { kind: "file_change", changes: change("delete") }, ["delete_file"], ["write_file", "edit"]],
    ["a move", { kind: "file_change", changes: change("move") }, ["write_file", "delete_file"], ["write_file"]],
    ["a change of what it does not say", { kind: "file_change" }, ["write_file"], ["delete_file"]],
    ["the network", { kind: "network" }, ["fetch"], ["run_command"]],
    ["a tool of its own", { kind: "tool", name: "mcp__issues__read" }, ["mcp__issues__read"], ["tool", "fetch"]],
    ["more rights", { kind: "permissions" }, ["permissions"], ["run_command", "write_file", "fetch"]],
  ] satisfies [string, Partial<Asked>, string[], string[]][])(
    "knows %s by what it does",
    (_, asked, enough, others) => {
      expect(decide(asked, enough)).toBe("allow");
      expect(decide(asked, others)).toBe("deny");
      expect(decide(asked, [])).toBe("deny");
    },
  );

  it("is not more because one of several changes is allowed", () => {
    const changes = [...change("add"), ...change("delete")];

    expect(decide({ kind: "file_change", changes }, ["write_file"])).toBe("deny");
  });

  it.each([
    ["all", { kind: "command" }, "allow"],
    ["edits", { kind: "file_change", changes: change("add") }, "allow"],
    ["edits", { kind: "command" }, undefined],
    ["ask", { kind: "file_change", changes: change("add") }, undefined],
  ] satisfies [Mode, Partial<Asked>, string | undefined][])(
    "leaves to a person what its permissions (%s) do: %j",
    (permissions, asked, decision) => {
      expect(decide(asked, ["run_command", "write_file"], permissions)).toBe(decision);
    },
  );

  it("decides nothing, and changes no permissions, where the step says nothing", () => {
    const permissions = new ToolPermissions({ toolsAllowed: null, permissions: "all" });

    expect(decide({ kind: "command" }, null)).toBeUndefined();
    expect(permissions.permissions).toBe("all");
    expect(new ToolPermissions({ toolsAllowed: [], permissions: "all" }).permissions).toBe("ask");
  });

  it("sees what is done without asking, once it is done, and forgives what is denied, read or thought", () => {
    const watch = (kind: AgentEventOf<"tool.started">["kind"], end: Partial<AgentEventOf<"tool.ended">> = {}) => {
      const permissions = new ToolPermissions({ toolsAllowed: ["write_file"], permissions: "all" });
      expect(permissions.watch({ type: "tool.started", toolCallId: "c", kind, title: "it" })).toBeUndefined();
      return permissions.watch({ type: "tool.ended", toolCallId: "c", status: "ok", ...end });
    };

    expect(watch("command")).toBe("run_command: it");
    expect(watch("command", { status: "failed", exitCode: 1 })).toBe("run_command: it");
    expect(watch("fetch")).toBe("fetch: it");
    expect(watch("other")).toBe("other: it");
    expect(watch("command", { status: "denied" })).toBeUndefined();
    expect(watch("command", { status: "cancelled" })).toBeUndefined();
    for (const kind of ["read", "search", "think", "agent", "file_change"] as const)
      expect(watch(kind)).toBeUndefined();
  });
});
