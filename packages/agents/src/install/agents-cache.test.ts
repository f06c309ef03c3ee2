import { readFile } from "node:fs/promises";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { AGENT_PACKAGES, INSTALLABLE_PROVIDERS } from "./agent-packages.ts";
import { agentsCacheDir, installedAgents } from "./agents-cache.ts";
import { agentLockfile } from "./lockfile.ts";
import { PINNED_AGENTS } from "./pinned-agents.ts";

describe("agentsCacheDir", () => {
  it.each([
    { env: { SIGNALBOX_AGENTS_DIR: "/agents", XDG_CACHE_HOME: "/caches", HOME: "/home/x" }, dir: "/agents" },
    { env: { XDG_CACHE_HOME: "/caches", HOME: "/home/x" }, dir: "/caches/signalbox/agents" },
    { env: { XDG_CACHE_HOME: "relative", HOME: "/home/x" }, dir: "/home/x/.cache/signalbox/agents" },
    { env: { HOME: "/home/x" }, dir: "/home/x/.cache/signalbox/agents" },
  ])("is $dir", ({ env, dir }) => {
    expect(agentsCacheDir(env)).toBe(dir);
  });

  it("refuses a folder that depends on where it is asked", () => {
    expect(() => agentsCacheDir({ SIGNALBOX_AGENTS_DIR: "agents" })).toThrow("must be absolute");
  });
});

describe("installedAgents", () => {
  it("has undefined for what is not there", async () => {
    await using dir = await tempDir();

    const agents = await installedAgents({ SIGNALBOX_AGENTS_DIR: dir.path });

    expect(agents).toEqual({ codex: undefined, claude_code: undefined, gemini_cli: undefined });
  });
});

describe("PINNED_AGENTS", () => {
  it.each(INSTALLABLE_PROVIDERS)("has a lockfile of %s that names no registry", async (provider) => {
    const text = await readFile(new URL(`locks/${provider}.json`, import.meta.url), "utf8");

    expect(() => agentLockfile(text, AGENT_PACKAGES[provider].name, PINNED_AGENTS[provider])).not.toThrow();
    expect(text).not.toContain('"resolved"');
  });
});
