import { join } from "node:path";

import * as z from "zod";

import type { AgentStartSpec } from "../agent-session.ts";
import { agentEnvironment } from "../environment.ts";
import { readOptions } from "../read-options.ts";
import type { LaunchPlan, Opening } from "../session/agent-protocol.ts";

/** What a spec's `options` may hold for Claude Code. */
export const ClaudeOptionsSchema = z.strictObject({
  /** How often a request to the model is tried again. Default: Claude Code decides. */
  modelRetries: z.int().min(0).max(100).optional(),
});
export type ClaudeOptions = z.infer<typeof ClaudeOptionsSchema>;

/**
 * How `claude -p` is started: as a program that is spoken to in JSON, that asks this side before it uses a tool, and that
 * reads no settings and no servers from the workspace or its home. Pure.
 */
export function claudeLaunch(spec: AgentStartSpec, { load, newId }: Opening): LaunchPlan {
  const { modelRetries } = readOptions("claude_code", ClaudeOptionsSchema, spec.options);
  const session = load === undefined ? ["--session-id", newId] : ["--resume", load];
  const model = spec.model === undefined ? [] : ["--model", spec.model];
  const instructions = spec.instructions === undefined ? [] : ["--append-system-prompt", spec.instructions];
  const shellFile = join(spec.home, ".bashrc");
  const isKeyHidden = spec.endpoint !== undefined && spec.configuration !== "keep";
  return {
    command: {
      argv: [...spec.program.argv, ...ARGUMENTS, ...session, ...model, ...instructions],
      cwd: spec.workspace,
      env: agentEnvironment(spec, {
        ...QUIET,
        ...PLAN_TOOL,
        ...(spec.endpoint
          ? { ANTHROPIC_BASE_URL: spec.endpoint.baseUrl, [CLAUDE_KEY_VARIABLE]: spec.endpoint.apiKey }
          : {}),
        ...(isKeyHidden ? { BASH_ENV: shellFile } : {}),
        ...(modelRetries === undefined ? {} : { CLAUDE_CODE_MAX_RETRIES: String(modelRetries) }),
      }),
    },
    files: isKeyHidden ? [{ path: shellFile, text: FORGET_KEY }] : [],
  };
}

const CLAUDE_KEY_VARIABLE = "ANTHROPIC_API_KEY";

/**
 * What bash reads before a command of Claude Code: as `.bashrc` where its input is a socket, as Claude Code has it, and else
 * because BASH_ENV says so. Claude Code's own switch wants a sandbox of its own, which cannot be made inside another.
 */
const FORGET_KEY = `unset ${CLAUDE_KEY_VARIABLE} BASH_ENV\n`;

const ARGUMENTS = [
  "-p",
  "--input-format",
  "stream-json",
  "--output-format",
  "stream-json",
  "--verbose",
  "--include-partial-messages",
  // As the official SDK does it; without it whatever needs leave is refused.
  "--permission-prompt-tool",
  "stdio",
  "--permission-mode",
  "default",
  "--setting-sources",
  "",
  "--strict-mcp-config",
] as const;

/** Nothing but the model's endpoint is spoken to. */
const QUIET = {
  DISABLE_AUTOUPDATER: "1",
  DISABLE_TELEMETRY: "1",
  DISABLE_ERROR_REPORTING: "1",
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION: "false",
} as const;

/** The plan tool is off unless asked for, and the newer one tells no plan as a whole. */
const PLAN_TOOL = { CLAUDE_CODE_ENABLE_TODO_TOOLS: "1", CLAUDE_CODE_ENABLE_TASKS: "0" } as const;
