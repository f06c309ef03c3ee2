import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { codexCatalog } from "../codex/codex-catalog.ts";
import { installedAgents, INSTALLABLE_PROVIDERS, PINNED_AGENTS } from "../install/index.ts";
import type { InstallableProvider, InstalledAgent } from "../install/index.ts";
import { startModelStub } from "./model-stub.ts";
import type { ModelStub } from "./model-stub.ts";
import { stubPrompt } from "./scenario.ts";
import type { ScenarioInput } from "./scenario.ts";

const agents = await installedAgents(process.env);

/** Each agent without its adapter, so that it shows what the agent makes of the stub, and nothing else. */
for (const provider of INSTALLABLE_PROVIDERS) {
  const agent = agents[provider];
  describe.skipIf(!agent)(`the model stub, asked by the real ${provider}`, () => {
    it("makes it plan, write a file and tell of it", async () => {
      await using dir = await tempDir();
      await using stub = await startModelStub({ apiKey: KEY });

      const ended = await run(provider, agent!, stub, dir, {
        scenario: "plan_and_write",
        path: "a.txt",
        content: "hi\n",
      });

      expect(ended.code).toBe(0);
      expect(await readFile(dir.file("work", "a.txt"), "utf8")).toMatch(/^hi\n?$/);
      const played = stub.requests.filter(({ scenario }) => scenario === "plan_and_write");
      expect(played.map(({ step }) => step)).toEqual([0, 1, 2, 3]);
      expect(played.at(-1)?.toolResults.length).toBeGreaterThanOrEqual(3);
    });

    it("sees its version and its key, and nothing that it does not know", async () => {
      await using dir = await tempDir();
      await using stub = await startModelStub({ apiKey: KEY });

      await run(provider, agent!, stub, dir, { scenario: "text" });

      expect(stub.requests.length).toBeGreaterThan(0);
      for (const { userAgent, credential, status, problem, dialect } of stub.requests) {
        expect(userAgent).toContain(PINNED_AGENTS[provider]);
        expect(credential).toMatch(/: sk-t… \(12 characters\)$/);
        expect({ status, problem, dialect }).toEqual({
          status: 200,
          problem: undefined,
          dialect: DIALECT_OF[provider],
        });
      }
    });

    it.each([
      { what: "a cut connection", scenario: { scenario: "cut" } },
      { what: "an overloaded model", scenario: { scenario: "error", status: 529 } },
    ] as const)("fails it with $what", async ({ scenario }) => {
      await using dir = await tempDir();
      await using stub = await startModelStub({ apiKey: KEY });

      const ended = await run(provider, agent!, stub, dir, scenario);

      expect(ended.code).not.toBe(0);
      expect(ended.isLate).toBe(false);
    });
  });
}

const KEY = "sk-test-fake";
const DIALECT_OF = { codex: "openai", claude_code: "anthropic", gemini_cli: "gemini" } as const;

interface Launch {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Ended {
  readonly code: unknown;
  readonly isLate: boolean;
}

/** Runs one prompt without a person: an own home, an own environment, and nothing of the surrounding one. */
async function run(
  provider: InstallableProvider,
  agent: InstalledAgent,
  stub: ModelStub,
  dir: TempDir,
  scenario: ScenarioInput,
): Promise<Ended> {
  for (const folder of ["home", "tmp", "work"]) await mkdir(dir.file(folder));
  const base = { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: dir.file("home"), TMPDIR: dir.file("tmp") };
  const { args, env } = await LAUNCHES[provider](stubPrompt(scenario), stub, dir, agent, base);
  const [program, ...before] = agent.argv;
  return new Promise((resolve) => {
    const options = {
      cwd: dir.file("work"),
      env: { ...base, ...env },
      timeout: 30_000,
      killSignal: "SIGKILL",
    } as const;
    const child = execFile(program, [...before, ...args], options, (error) =>
      resolve({ code: error ? error.code : 0, isLate: error?.killed ?? false }),
    );
    child.stdin?.end();
  });
}

const LAUNCHES: Readonly<
  Record<
    InstallableProvider,
    (
      prompt: string,
      stub: ModelStub,
      dir: TempDir,
      agent: InstalledAgent,
      env: Readonly<Record<string, string>>,
    ) => Promise<Launch>
  >
> = {
  async codex(prompt, stub, dir, { argv }, env) {
    await writeFile(dir.file("home", "catalog.json"), await codexCatalog({ argv, env, model: "stub-model" }));
    await mkdir(dir.file("home", ".codex"), { recursive: true });
    const config = [
      'model = "stub-model"',
      'model_provider = "stub"',
      `model_catalog_json = ${JSON.stringify(dir.file("home", "catalog.json"))}`,
      "check_for_update_on_startup = false",
      "features = { plugins = false, apps = false }",
      "tools = { update_plan = { enabled = true } }",
      "analytics = { enabled = false }",
      "[model_providers.stub]",
      `name = "stub"\nbase_url = "${stub.openAiUrl}"\nenv_key = "STUB_KEY"\nwire_api = "responses"`,
      "requires_openai_auth = false\nsupports_websockets = false\nrequest_max_retries = 0\nstream_max_retries = 0",
    ];
    await writeFile(dir.file("home", ".codex", "config.toml"), `${config.join("\n")}\n`);
    const args = ["exec", "--json", "--skip-git-repo-check", "--sandbox", "danger-full-access", prompt];
    return { args, env: { STUB_KEY: KEY } };
  },
  async claude_code(prompt, stub) {
    const args = ["-p", "--output-format", "stream-json", "--verbose", "--setting-sources", ""];
    return {
      args: [...args, "--allowedTools", "Write,TodoWrite", "--", prompt],
      env: {
        ANTHROPIC_BASE_URL: stub.url,
        ANTHROPIC_API_KEY: KEY,
        DISABLE_AUTOUPDATER: "1",
        DISABLE_TELEMETRY: "1",
        DISABLE_ERROR_REPORTING: "1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        CLAUDE_CODE_MAX_RETRIES: "0",
        CLAUDE_CODE_ENABLE_TODO_TOOLS: "1",
        CLAUDE_CODE_ENABLE_TASKS: "0",
      },
    };
  },
  async gemini_cli(prompt, stub, dir) {
    await mkdir(dir.file("home", ".gemini"));
    const settings = {
      security: { auth: { selectedType: "gemini-api-key" }, folderTrust: { enabled: false } },
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: 1 },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
    };
    await writeFile(dir.file("home", ".gemini", "settings.json"), JSON.stringify(settings));
    return {
      args: ["-m", "gemini-2.5-flash", "-y", "-o", "stream-json", "-p", prompt],
      env: {
        GOOGLE_GEMINI_BASE_URL: stub.url,
        GEMINI_API_KEY: KEY,
        NO_BROWSER: "true",
        GEMINI_CLI_NO_RELAUNCH: "true",
        COLORTERM: "truecolor",
      },
    };
  },
};
