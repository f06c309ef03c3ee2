import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";

import { makeRepository } from "./_support/git-repository.ts";
import { startFleet, type Fleet } from "./_support/fleet.ts";
import { grantOf, type GrantInput } from "./_support/grants.ts";

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
  const attempt = fleet.fake.offer(
    grantOf({ tool, inputs: {}, ...rest, envelope: { baseManifest, ...rest.envelope } }),
  );
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
  it("plays a script: writes, runs, deletes, tells its progress", async () => {
    await using fleet = await startFleet();
    const script = [
      { do: "say", text: "hello from the agent" },
      { do: "write", path: "src/a.txt", text: "made" },
      { do: "run", argv: ["cat", "src/a.txt"] },
      { do: "progress", percent: 50, message: "half" },
      { do: "delete", path: "old.txt" },
    ];

    const { result, out } = await use(fleet, "codegen", { inputs: { prompt: "p", script }, files: { "old.txt": "x" } });

    expect(result).toMatchObject({
      outcome: "succeeded",
      outputs: { agent: "scripted", files: ["src/a.txt"] },
      artifacts: [{ path: "src/a.txt" }],
      changes: { files: 2 },
    });
    expect(out).toBe("hello from the agent\nmade");
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

  it.each([
    ["write_file", { do: "write", path: "a", text: "x" }],
    ["delete_file", { do: "delete", path: "a" }],
    ["run_command", { do: "run", argv: ["touch", "a"] }],
  ])("ends with tool_not_allowed before the agent uses %s against the step's word", async (tool, action) => {
    await using fleet = await startFleet();
    const toolsAllowed = ["write_file", "delete_file", "run_command"].filter((name) => name !== tool);

    const { result } = await use(fleet, "codegen", {
      inputs: { prompt: "p", script: [action] },
      envelope: { toolsAllowed, artifacts: ["a"] },
    });

    expect(result).toMatchObject({ outcome: "failed", reason: "tool_not_allowed", artifacts: [] });
  });

  it("fails when the agent does", async () => {
    await using fleet = await startFleet();

    const { result } = await use(fleet, "codegen", {
      inputs: { prompt: "p", script: [{ do: "fail", message: "gave up" }] },
    });

    expect(result).toMatchObject({ outcome: "failed", reason: "tool_failure", message: "gave up" });
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
          { do: "progress", percent: 1, message: "s3cr3t-value-12345" },
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
