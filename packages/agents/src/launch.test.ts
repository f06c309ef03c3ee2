import { describe, expect, it } from "vitest";

import type { AgentStartSpec } from "./agent-session.ts";
import { claudeLaunch } from "./claude-code/claude-launch.ts";
import { codexLaunch } from "./codex/codex-launch.ts";
import { agentEnvironment, checkSpec } from "./environment.ts";
import { geminiLaunch } from "./gemini-cli/gemini-launch.ts";
import { agentLimits } from "./limits.ts";
import type { LaunchPlan } from "./session/agent-protocol.ts";

const SPEC: AgentStartSpec = {
  sessionId: "ses_1",
  program: { argv: ["/opt/agent"], version: "9.9.9" },
  workspace: "/work/space",
  home: "/work/home",
  tmpDir: "/work/tmp",
  path: "/usr/bin",
  endpoint: { baseUrl: "http://127.0.0.1:1", apiKey: "sk-secret" },
};
const COMMON = { PATH: "/usr/bin", HOME: "/work/home", TMPDIR: "/work/tmp", SIGNALBOX_AGENT_SESSION: "ses_1" };
const OPENING = { load: undefined, newId: "new-id" };

const LAUNCHES: readonly [string, (spec: AgentStartSpec) => LaunchPlan, Record<string, string>][] = [
  ["codex", codexLaunch, { CODEX_HOME: "/work/home/.codex", SIGNALBOX_CODEX_KEY: "sk-secret" }],
  [
    "claude_code",
    (spec) => claudeLaunch(spec, OPENING),
    {
      ANTHROPIC_BASE_URL: "http://127.0.0.1:1",
      ANTHROPIC_API_KEY: "sk-secret",
      BASH_ENV: "/work/home/.bashrc",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION: "false",
      CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
      CLAUDE_CODE_ENABLE_TASKS: "0",
    },
  ],
  [
    "gemini_cli",
    geminiLaunch,
    {
      GOOGLE_GEMINI_BASE_URL: "http://127.0.0.1:1",
      GEMINI_API_KEY: "sk-secret",
      GEMINI_CLI_NO_RELAUNCH: "true",
      NO_BROWSER: "true",
      COLORTERM: "truecolor",
    },
  ],
];

describe("the launch of an agent", () => {
  it.each(LAUNCHES)("has a whole environment and no other: %s", (_, launch, own) => {
    const { command } = launch(SPEC);

    expect(command.env).toEqual({ ...COMMON, ...own });
    expect(command.cwd).toBe("/work/space");
  });

  it.each(LAUNCHES)("keeps the key out of arguments and files: %s", (_, launch) => {
    const { command, files } = launch(SPEC);

    expect(JSON.stringify([command.argv, files])).not.toContain("sk-secret");
    expect(Object.values(command.env)).toContain("sk-secret");
  });

  it.each(LAUNCHES)("has no key and no endpoint where there is none: %s", (_, launch) => {
    const { endpoint: _none, ...spec } = SPEC;

    const { command, files } = launch(spec);

    expect(JSON.stringify([command, files])).not.toMatch(/API_KEY"|BASE_URL|base_url|gemini-api-key/);
  });

  it.each(LAUNCHES)("takes more variables, but none of its own: %s", (_, launch) => {
    expect(launch({ ...SPEC, environment: { LANG: "C.UTF-8" } }).command.env).toMatchObject({
      ...COMMON,
      LANG: "C.UTF-8",
    });
    for (const name of Object.keys(launch(SPEC).command.env)) {
      expect(() => launch({ ...SPEC, environment: { [name]: "x" } })).toThrow(name);
    }
  });

  it.each(LAUNCHES)("refuses options that it does not know: %s", (_, launch) => {
    expect(() => launch({ ...SPEC, options: { modelRetires: 7 } })).toThrow("modelRetires");
  });

  it.each(LAUNCHES)("leaves a person's home as it is: %s", (_, launch) => {
    const { files } = launch({ ...SPEC, configuration: "keep" });

    expect(files.filter(({ path }) => path.startsWith("/work/home"))).toEqual([]);
  });
});

describe("codexLaunch", () => {
  it("trusts no workspace, neither in a file of its own nor beside a person's", () => {
    const trust = '"/work/space" = { "trust_level" = "untrusted" }';

    expect(codexLaunch(SPEC).files[0]?.text).toContain(trust);
    expect(codexLaunch(SPEC).command.argv).toEqual(["/opt/agent", "app-server"]);
    expect(codexLaunch({ ...SPEC, configuration: "keep" }).command.argv).toContain(`projects = { ${trust} }`);
  });
});

describe("claudeLaunch", () => {
  it("opens a new conversation by a name, or an earlier one", () => {
    expect(claudeLaunch(SPEC, OPENING).command.argv.join(" ")).toContain("--session-id new-id");
    expect(claudeLaunch(SPEC, { load: "old-id", newId: "x" }).command.argv.join(" ")).toContain("--resume old-id");
  });

  it("reads no settings, and asks before it acts", () => {
    const line = claudeLaunch({ ...SPEC, model: "big", instructions: "rhyme" }, OPENING).command.argv;

    expect(line.join(" ")).toMatch(
      /--permission-prompt-tool stdio --permission-mode default --setting-sources {2}--strict-mcp-config/,
    );
    expect(line.slice(-4)).toEqual(["--model", "big", "--append-system-prompt", "rhyme"]);
  });
});

describe("geminiLaunch", () => {
  it("trusts no workspace, and asks the model that it is told to", () => {
    const { command, files } = geminiLaunch({ ...SPEC, model: "gemini-2.5-flash" });

    expect(command.argv).toEqual(["/opt/agent", "--acp", "-m", "gemini-2.5-flash"]);
    expect(files[0]?.path).toBe("/work/home/.gemini/settings.json");
    expect(JSON.parse(files[0]?.text ?? "")).toMatchObject({ security: { folderTrust: { enabled: true } } });
  });
});

describe("checkSpec", () => {
  it.each([
    ["workspace must be an absolute path", { workspace: "work" }],
    ["home must be an absolute path", { home: "~" }],
    ["must not be below tmpDir", { home: "/work/tmp/home" }],
    ["must not be below tmpDir", { home: "/work/tmp" }],
    ["must not be below tmpDir", { home: "/work/x/../tmp/home" }],
    ["a session needs an id", { sessionId: "" }],
    ["instructions have at most 30000 characters", { instructions: "x".repeat(30_001) }],
  ])("refuses a start: %s", (message, change) => {
    expect(() => checkSpec({ ...SPEC, ...change }, agentLimits())).toThrow(message);
  });
});

describe("agentEnvironment", () => {
  it.each([
    ["is no name of a variable", { "A B": "x" }],
    ["is no name of a variable", { "": "x" }],
    ["is no name of a variable", { "BASH_FUNC_x%%": "() { :; }" }],
    ["holds a NUL", { A: "x\0y" }],
  ])("refuses a variable that %s", (message, environment) => {
    expect(() => agentEnvironment({ ...SPEC, environment }, {})).toThrow(message);
  });
});
