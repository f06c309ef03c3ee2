import { tempDir } from "@signalbox/testkit";
import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { ConfigError } from "./config-error.ts";
import { readRunnerConfig } from "./config.ts";

describe("readRunnerConfig", () => {
  it("has a default for everything", () => {
    const config = readRunnerConfig([], { HOME: "/home/x" });

    expect(config).toMatchObject({
      logLevel: "info",
      runner: {
        serverUrl: "http://localhost:3000",
        slots: 5,
        sandbox: "auto",
        policy: { allowFileRepositories: false },
      },
    });
  });

  it("takes arguments before the environment", () => {
    const config = readRunnerConfig(["--slots", "2", "--allow-file-repos", "--labels", "zone=a,gpu=yes"], {
      SIGNALBOX_RUNNER_SLOTS: "9",
    });

    expect(config.runner).toMatchObject({
      slots: 2,
      labels: { zone: "a", gpu: "yes" },
      policy: { allowFileRepositories: true },
    });
  });

  it("reads the token and the policy from files", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("token"), "the-token\n");
    await writeFile(dir.file("policy.yaml"), "tools: [command, 'gate:*']\nsandbox: required\n");

    const config = readRunnerConfig(["--token-file", dir.file("token"), "--policy", dir.file("policy.yaml")], {});

    expect(config.runner).toMatchObject({
      enrolmentToken: "the-token",
      policy: { tools: ["command", "gate:*"], sandbox: "required" },
    });
  });

  it("reads how git reaches private repositories, with paths beside that file, and refuses what is no server", async () => {
    await using dir = await tempDir();
    const text =
      "credentials: [{ url: 'https://git.example/', tokenFile: token }]\nssh: { keyFile: key, knownHostsFile: hosts }\n";
    await writeFile(dir.file("git.yaml"), text);
    await writeFile(dir.file("bad.yaml"), "credentials: [{ url: 'http://git.example/', tokenFile: token }]\n");

    const config = readRunnerConfig(["--git", dir.file("git.yaml")], {});

    expect(config.runner.git).toEqual({
      credentials: [{ url: "https://git.example/", username: "x-access-token", tokenFile: dir.file("token") }],
      ssh: { keyFile: dir.file("key"), knownHostsFile: dir.file("hosts") },
    });
    expect(() => readRunnerConfig(["--git", dir.file("bad.yaml")], {})).toThrow(ConfigError);
  });

  it("takes the agent of codegen steps, and refuses one that is no provider", () => {
    const config = readRunnerConfig(["--codegen-provider", "codex"], { SIGNALBOX_CODEGEN_PROVIDER: "scripted" });

    expect(config.runner.codegenProvider).toBe("codex");
    expect(() => readRunnerConfig(["--codegen-provider", "gpt"], {})).toThrow(ConfigError);
  });

  it("keeps its own settings from the steps", () => {
    const config = readRunnerConfig([], { SIGNALBOX_ENROLMENT_TOKEN: "t", LANG: "C" });

    expect(config.runner.hostEnvironment).toEqual({ LANG: "C" });
  });

  it.each([
    [["--slots", "0"], {}],
    [["--no-such-thing"], {}],
    [[], { SIGNALBOX_URL: "ftp://x" }],
    [[], { SIGNALBOX_RUNNER_LABELS: "nolabel" }],
    [[], { SIGNALBOX_RUNNER_SANDBOX: "maybe" }],
  ])("refuses %j with %j in one line", (args, environment) => {
    const read = () => readRunnerConfig(args, environment);

    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/^[^\n]+$/);
  });

  it("refuses a policy with a word that it does not know: a slip must not open a machine", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("policy.yaml"), "tool: [command]\n");

    expect(() => readRunnerConfig(["--policy", dir.file("policy.yaml")], {})).toThrow(/policy/);
  });
});
