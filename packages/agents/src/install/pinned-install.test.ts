import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { INSTALLABLE_PROVIDERS } from "./agent-packages.ts";
import { installedAgents } from "./agents-cache.ts";
import { installAgent } from "./install-agent.ts";
import { npmEnvironment } from "./npm.ts";
import { PINNED_AGENTS } from "./pinned-agents.ts";

const agents = await installedAgents(process.env);

describe("the pinned agents", () => {
  for (const provider of INSTALLABLE_PROVIDERS) {
    const agent = agents[provider];
    it.skipIf(!agent)(`start from the cache: ${provider}`, async () => {
      await using dir = await tempDir();
      const [program = "", ...args] = agent?.argv ?? [];
      const env = { PATH: "/usr/bin:/bin", HOME: dir.path, TMPDIR: dir.path, GEMINI_CLI_NO_RELAUNCH: "true" };

      const { stdout } = await promisify(execFile)(program, [...args, "--version"], { env, cwd: dir.path });

      expect(stdout).toContain(PINNED_AGENTS[provider]);
    });
  }

  it.runIf(process.env["SIGNALBOX_TEST_INSTALL"])(
    "install from the registry that npm is configured for (SIGNALBOX_TEST_INSTALL)",
    { timeout: 300_000 },
    async () => {
      await using dir = await tempDir();
      for (const provider of INSTALLABLE_PROVIDERS) {
        const version = PINNED_AGENTS[provider];
        const lockfile = await readFile(new URL(`locks/${provider}.json`, import.meta.url), "utf8");
        const npm = { command: ["npm"], env: npmEnvironment(process.env) } as const;

        const agent = await installAgent({ provider, version, root: dir.path, npm, lockfile });

        expect(agent.dir).toBe(dir.file(provider, version));
      }
    },
  );
});
