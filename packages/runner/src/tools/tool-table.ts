import { runSession } from "../session/run-session.ts";
import { runChanges } from "./changes.ts";
import { runCommand } from "./command.ts";
import { runConfigured } from "./configured-command.ts";
import { runGate } from "./gate.ts";
import { runPublish } from "./publish.ts";
import { runPullRequest } from "./pull-request.ts";
import type { Tool } from "./tool.ts";

/** How each tool runs; a name that ends in `:` is a family. */
const TOOL_TABLE: Readonly<Record<string, Tool>> = {
  command: runCommand,
  codegen: runSession,
  "agent:": runSession,
  "gate:typecheck": runGate,
  "gate:test": runGate,
  "gate:lint": runGate,
  "gate:security": runGate,
  changes: runChanges,
  "pull-request": runPullRequest,
  publish: runPublish,
  "deploy:": runConfigured,
  "backup:": runConfigured,
};

/** How a tool runs, or undefined when this runner does not know it. */
export function toolOf(name: string): Tool | undefined {
  const family = name.slice(0, name.indexOf(":") + 1);
  const key = Object.hasOwn(TOOL_TABLE, name) ? name : family;
  return key !== "" && Object.hasOwn(TOOL_TABLE, key) ? TOOL_TABLE[key] : undefined;
}
