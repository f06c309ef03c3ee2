import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";

import type { ScriptStepInput } from "@signalbox/agents/scripted-agent";

import { scriptedAgent } from "../src/index.ts";
import { closeAfterTurn } from "./_support/close-after-turn.ts";
import { makeRepository } from "./_support/git-repository.ts";
import { startFleet, type Fleet } from "./_support/fleet.ts";
import { grantOf, type GrantInput } from "./_support/grants.ts";

let sessions = 0;

/** Runs one step of a tool in a workspace that holds `files`. */
async function use(fleet: Fleet, tool: string, input: GrantInput & { files?: Record<string, string> } = {}) {
  const { files = {}, ...rest } = input;
  const entries = Object.entries(files).map(([path, text]) => ({
    path,
    sha256: fleet.fake.putBlob(text),
    bytes: Buffer.byteLength(text),
    executable: text.startsWith("#!"),
  }));
  const baseManifest =
    entries.length === 0
      ? null
      : fleet.fake.putBlob(JSON.stringify({ v: 1, commit: null, files: entries, deleted: [] }));
  const session =
    tool === "codegen"
      ? {
          sessionId: `ses_${++sessions}`,
          provider: "scripted" as const,
          nativeSessionId: null,
          turns: 0,
          wasWorking: false,
        }
      : undefined;
  const attempt = fleet.fake.offer(
    grantOf({ tool, inputs: {}, ...rest, envelope: { baseManifest, ...(session && { session }), ...rest.envelope } }),
  );
  if (session) void closeAfterTurn(fleet.fake, attempt);
  const result = await fleet.fake.resultOf(attempt);
  return { attempt, result, out: fleet.fake.text(attempt), err: fleet.fake.text(attempt, "stderr") };
}

const packageJson = (scripts: Record<string, string>, more: object = {}) => ({
  "package.json": JSON.stringify({ name: "p", scripts, ...more }),
});

describe("a check", () => {
  it.each([
    ["gate:typecheck", "typecheck"],
    ["gate:test", "test"],
    ["gate:lint", "lint"],
  ])("%s runs the project's own script", async (tool, script) => {
    await using fleet = await startFleet();

    const { result, out } = await use(fleet, tool, { files: packageJson({ [script]: "echo checked $CI" }) });

    expect(result).toMatchObject({ outcome: "succeeded", exitCode: 0 });
    expect(out).toContain("checked true");
  });

  it("fails when the script does", async () => {
    await using fleet = await startFleet();

    const { result } = await use(fleet, "gate:test", { files: packageJson({ test: "exit 7" }) });

    expect(result).toMatchObject({ outcome: "failed", reason: "tool_failure" });
  });

  it.each(["gate:typecheck", "gate:test", "gate:lint", "gate:security"])(
    "%s that finds nothing is skipped, and says what it looked for",
    async (tool) => {
      await using fleet = await startFleet();

      const { result } = await use(fleet, tool, { files: { "README.md": "hi" } });

      expect(result.outcome).toBe("skipped");
      expect(result.message).toMatch(/looked for .*package\.json/);
      expect(fleet.fake.of("started")).toEqual([]);
    },
  );

  it("takes npm's script for no tests as no tests", async () => {
    await using fleet = await startFleet();

    const { result } = await use(fleet, "gate:test", {
      files: packageJson({ test: 'echo "Error: no test specified" && exit 1' }),
    });

    expect(result.outcome).toBe("skipped");
  });

  it("runs what the step or the project says instead", async () => {
    await using fleet = await startFleet();
    const files = packageJson({ test: "exit 7" });

    const byStep = await use(fleet, "gate:test", { files, inputs: { shell: "echo by step" } });
    const byProject = await use(fleet, "gate:test", { files, envelope: { command: { argv: ["echo", "by project"] } } });

    expect([byStep.out, byProject.out]).toEqual(["by step\n", "by project\n"]);
  });

  it("audits the lock file when there is no network", async () => {
    await using fleet = await startFleet();
    const manifest = packageJson({}, { dependencies: { left: "^1.0.0", right: "^2.0.0" } });
    const locked = (packages: object) => ({
      ...manifest,
      "package-lock.json": JSON.stringify({ lockfileVersion: 3, packages }),
    });
    const good = { "node_modules/left": { integrity: "sha512-x" }, "node_modules/right": { integrity: "sha512-y" } };

    const whole = await use(fleet, "gate:security", { files: locked(good) });
    const missing = await use(fleet, "gate:security", { files: locked({ "node_modules/left": {} }) });

    expect(whole.result).toMatchObject({ outcome: "succeeded", outputs: { check: "lock-file", problems: 0 } });
    expect(missing.result).toMatchObject({ outcome: "failed", reason: "tool_failure", outputs: { problems: 2 } });
    expect(missing.out).toContain("right is not in the lock file");
  });
});

describe("a configured tool", () => {
  it.each(["deploy:prod", "backup:nightly"])("%s runs the project's command with its inputs", async (tool) => {
    await using fleet = await startFleet();
    const command = {
      shell: 'printf "%s|%s|%s" "$SIGNALBOX_INPUT_VERSION" "$SIGNALBOX_INPUT_DRY_RUN" "$SIGNALBOX_IDEMPOTENCY_KEY"',
    };

    const { result, out, attempt } = await use(fleet, tool, {
      inputs: { version: "$(id)", "dry-run": true },
      envelope: { command },
    });

    expect(result.outcome).toBe("succeeded");
    expect(out).toBe(`$(id)|true|${attempt.grant.envelope.idempotencyKey}`);
  });

  it.each(["deploy:prod", "backup:nightly"])(
    "%s without a command fails and says how to configure it",
    async (tool) => {
      await using fleet = await startFleet();

      const { result } = await use(fleet, tool);

      expect(result).toMatchObject({ outcome: "failed", reason: "missing_dependency" });
      expect(result.message).toContain(`commands["${tool}"]`);
    },
  );
});

describe("codegen", () => {
  const codegen = (fleet: Fleet, steps: readonly ScriptStepInput[], input: Parameters<typeof use>[2] = {}) =>
    use(fleet, "codegen", { inputs: { prompt: "p", script: steps }, ...input });

  it("is a session in which the agent writes, runs, deletes and tells its progress; who reads the step's output can follow", async () => {
    await using fleet = await startFleet();

    const { result, out, err } = await codegen(
      fleet,
      [
        { do: "say", text: "hello from the agent" },
        {
          do: "plan",
          entries: [
            { text: "first", status: "completed" },
            { text: "half", status: "in_progress" },
          ],
        },
        { do: "write", path: "src/a.txt", text: "made" },
        { do: "run", argv: ["cat", "src/a.txt"] },
        { do: "delete", path: "old.txt" },
      ],
      { files: { "old.txt": "x" } },
    );

    expect(result).toMatchObject({
      outcome: "succeeded",
      outputs: { agent: "scripted", files: ["src/a.txt"] },
      artifacts: [{ path: "src/a.txt" }],
      changes: { files: 2 },
    });
    expect(out).toBe("hello from the agent\nmade");
    expect(err).toContain("signalbox: cat src/a.txt\n");
    expect(fleet.fake.of("progress")).toMatchObject([{ percent: 50, message: "half" }]);
  });

  it("writes the same document for the same prompt, and says that no model was asked", async () => {
    await using fleet = await startFleet();

    const runs = [
      await use(fleet, "codegen", { inputs: { prompt: "Write it", taskType: "research" } }),
      await use(fleet, "codegen", { inputs: { prompt: "Write it", taskType: "research" } }),
    ];

    expect(runs[0]?.result.artifacts).toEqual(runs[1]?.result.artifacts);
    expect(runs[0]?.result.artifacts).toMatchObject([{ path: "research.md" }]);
    expect(runs[0]?.out).toContain("No model was asked");
  });

  it("plays what the machine's owner says where the step says nothing", async () => {
    const script = JSON.stringify({ turns: [{ steps: [{ do: "say", text: "of the owner: {prompt}" }] }] });
    await using fleet = await startFleet({ agents: new Map([["scripted", scriptedAgent({ script })]]) });

    const { out } = await use(fleet, "codegen", { inputs: { prompt: "Write it", filePath: "a.md" } });

    expect(out).toBe("of the owner: Put the result into the file a.md.\n\nWrite it\n");
  });

  it.each([
    ["write_file", { do: "write", path: "a", text: "x" }],
    ["delete_file", { do: "delete", path: "a" }],
    ["run_command", { do: "run", argv: ["touch", "a"] }],
  ] satisfies [string, ScriptStepInput][])("denies %s where the step does not allow it", async (tool, action) => {
    await using fleet = await startFleet();
    const toolsAllowed = ["write_file", "delete_file", "run_command"].filter((name) => name !== tool);

    const { result, out, err, attempt } = await codegen(
      fleet,
      [{ ...action, allow: [{ do: "say", text: "done" }], deny: [{ do: "say", text: "denied" }] }],
      { envelope: { toolsAllowed } },
    );

    expect(result).toMatchObject({ outcome: "succeeded", outputs: { files: [] }, artifacts: [] });
    expect(result.changes).toBeUndefined();
    expect(out).toBe("denied\n");
    expect(err).toContain(`the step does not allow ${tool}`);
    const facts = fleet.fake.text(attempt, "session");
    expect(facts).toContain('"denied"');
    expect(facts).not.toContain('"asked"');
  });

  it.each([
    ["write_file", { do: "write", path: "a", text: "x", ask: false }],
    ["delete_file", { do: "delete", path: "README.md", ask: false }],
    ["run_command", { do: "run", argv: ["touch", "a"], ask: false }],
    ["fetch", { do: "tool", kind: "fetch", ask: false }],
    ["other", { do: "tool", kind: "other", ask: false }],
  ] satisfies [string, ScriptStepInput][])(
    "ends with tool_not_allowed, and keeps no change, when the agent does not even ask: %s",
    async (tool, action) => {
      await using fleet = await startFleet();

      const { result } = await codegen(fleet, [action, { do: "hang" }], {
        envelope: { toolsAllowed: ["nothing"] },
        files: { "README.md": "x" },
      });

      expect(result).toMatchObject({ outcome: "failed", reason: "tool_not_allowed" });
      expect(result.message).toContain(tool);
      expect(result.changes).toBeUndefined();
    },
  );

  it("lets an agent read and think, and use what the step names", async () => {
    await using fleet = await startFleet();

    const { result, out } = await codegen(
      fleet,
      [
        { do: "tool", kind: "read", ask: false },
        { do: "think", text: "hm" },
        { do: "run", argv: ["echo", "ran"] },
      ],
      { envelope: { toolsAllowed: ["shell"] } },
    );

    expect(result.outcome).toBe("succeeded");
    expect(out).toBe("ran\n");
  });

  it.each([
    ["tool_failure", "gave up", [{ do: "fail", message: "gave up" }]],
    [
      "runtime_error",
      "exit",
      [
        { do: "say", text: "Oh." },
        { do: "crash", exitCode: 7 },
      ],
    ],
    ["runtime_error", "", [{ do: "garbage", lines: 200 }, { do: "hang" }]],
  ] satisfies [string, string, ScriptStepInput[]][])("fails as its agent does: %s %s", async (reason, words, steps) => {
    await using fleet = await startFleet();

    const { result } = await codegen(fleet, [{ do: "write", path: "a.txt", text: "half" }, ...steps]);

    expect(result).toMatchObject({ outcome: "failed", reason, artifacts: [{ path: "a.txt" }] });
    expect(result.message).toContain(words);
    expect(result.changes).toBeUndefined();
  });

  it("gives its agent what the step adds to the environment, and keeps the rest", async () => {
    await using fleet = await startFleet({ hostEnvironment: { CANARY: "host secret" } });

    const { out } = await codegen(fleet, [{ do: "run", argv: ["env"] }], {
      environment: { STAGE: "test", HOME: "/evil" },
      secrets: [{ name: "API_KEY", value: "s3cr3t-value-12345" }],
    });

    expect(out).toContain("STAGE=test\n");
    expect(out).toContain("API_KEY=[redacted:API_KEY]\n");
    expect(out).not.toMatch(/evil|CANARY/);
  });

  it("works without a sandbox too", async () => {
    await using fleet = await startFleet({ sandbox: "none" });

    const { result } = await use(fleet, "codegen", { inputs: { prompt: "p" } });

    expect(result).toMatchObject({ outcome: "succeeded", artifacts: [{ path: "CHANGES.md" }] });
  });
});

describe("pull-request", () => {
  const open = () => startFleet({ policy: { allowFileRepositories: true } });

  it("is skipped without a repository", async () => {
    await using fleet = await startFleet();

    const { result } = await use(fleet, "pull-request");

    expect(result.outcome).toBe("skipped");
    expect(result.message).toContain("no repository");
  });

  it("commits on the run's branch and says that nothing proposes it", async () => {
    await using fleet = await open();
    const repo = makeRepository(fleet.dir, { "a.txt": "a\n" });
    const change = fleet.fake.putBlob("changed\n");
    const files = [{ path: "a.txt", sha256: change, bytes: 8, executable: false }];
    const baseManifest = fleet.fake.putBlob(JSON.stringify({ v: 1, commit: repo.commit, files, deleted: [] }));

    const { result, attempt } = await use(fleet, "pull-request", {
      inputs: { title: "Better" },
      envelope: { repo: { url: repo.url }, baseManifest },
    });

    expect(result).toMatchObject({
      outcome: "succeeded",
      outputs: { branch: `signalbox/${attempt.grant.envelope.runId}`, pushed: false },
    });
    expect(result.message).toContain("no command that proposes them");
    expect(execFileSync("git", ["-C", repo.path, "branch", "--list"], { encoding: "utf8" })).not.toContain(
      "signalbox/",
    );
  });

  it("hands branch and title to the project's command", async () => {
    await using fleet = await open();
    const repo = makeRepository(fleet.dir, { "a.txt": "a\n" });
    const command = { shell: 'echo "$SIGNALBOX_BRANCH|$SIGNALBOX_TITLE"; git log -1 --format=%s' };

    const { out, attempt } = await use(fleet, "pull-request", {
      inputs: { title: "$(id) Better" },
      envelope: { repo: { url: repo.url }, command },
    });

    expect(out).toBe(`signalbox/${attempt.grant.envelope.runId}|$(id) Better\n$(id) Better\n`);
  });
});

describe("the environment of a step", () => {
  it("is built from nothing: only what the step, the owner and the project let in", async () => {
    await using fleet = await startFleet({
      hostEnvironment: { ...process.env, CANARY: "host secret", ALLOWED: "yes", UNASKED: "no", NOT_BY_OWNER: "no" },
      policy: { env: ["ALLOWED", "UNASKED"] },
    });

    const { out } = await use(fleet, "command", {
      inputs: { argv: ["env"] },
      environment: { STAGE: "test", HOME: "/evil", SIGNALBOX_RUN_ID: "fake", SIGNALBOX_OTHER: "fake" },
      envelope: { envAllowed: ["ALLOWED", "NOT_BY_OWNER"] },
    });

    const names = new Set(
      out
        .trim()
        .split("\n")
        .map((line) => line.split("=")[0]),
    );
    expect(names).toEqual(
      new Set([
        "ALLOWED",
        "HOME",
        "LANG",
        "PATH",
        "PWD",
        "SIGNALBOX_ATTEMPT",
        "SIGNALBOX_IDEMPOTENCY_KEY",
        "SIGNALBOX_RUN_ID",
        "SIGNALBOX_STEP",
        "STAGE",
        "TERM",
      ]),
    );
    expect(out).not.toContain("fake");
    expect(out).not.toContain("/evil");
  });

  it("holds secrets, which leave the machine in no output, message or file name", async () => {
    await using fleet = await startFleet();
    const secrets = [{ name: "API_KEY", value: "s3cr3t-value-12345" }];

    const { out, err, result } = await use(fleet, "command", {
      inputs: {
        shell:
          'echo "plain $API_KEY"; printf "%s" "$API_KEY" | base64 >&2; printf "s3cr3t-va"; sleep 0.1; printf "lue-12345"',
      },
      secrets,
    });
    const agent = await use(fleet, "codegen", {
      inputs: {
        prompt: "p",
        script: [
          { do: "plan", entries: [{ text: "s3cr3t-value-12345", status: "in_progress" }] },
          { do: "fail", message: "s3cr3t-value-12345" },
        ],
      },
      secrets,
    });

    expect(out).toBe("plain [redacted:API_KEY]\n[redacted:API_KEY]");
    expect(err).toBe("[redacted:API_KEY]\n");
    expect(result.outcome).toBe("succeeded");
    expect(agent.result.message).toBe("[redacted:API_KEY]");
    expect(JSON.stringify(fleet.fake.received)).not.toContain("s3cr3t-value");
  });

  it("cannot be seen by another step of the machine", async () => {
    await using fleet = await startFleet();

    const { out } = await use(fleet, "command", {
      inputs: {
        shell:
          "cat /proc/*/environ | tr '\\0' '\\n' | grep -c '^SIGNALBOX_ENROLMENT\\|^npm_' || true; ls /proc | grep -c '^[0-9]'",
      },
    });

    const [leaks, processes] = out.trim().split("\n").map(Number);
    expect(leaks).toBe(0);
    expect(processes).toBeLessThan(10);
  });
});
