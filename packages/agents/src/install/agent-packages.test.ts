import { describe, expect, it } from "vitest";
import { agentPackage, AGENT_PACKAGES, isVersion } from "./agent-packages.ts";
import { thisPlatform } from "./platform.ts";
import type { Platform } from "./platform.ts";

describe("AGENT_PACKAGES", () => {
  it.each([
    ["codex", "linux", "x64", "glibc", "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex"],
    ["codex", "linux", "arm64", "musl", "@openai/codex-linux-arm64/vendor/aarch64-unknown-linux-musl/bin/codex"],
    ["codex", "darwin", "arm64", undefined, "@openai/codex-darwin-arm64/vendor/aarch64-apple-darwin/bin/codex"],
    ["codex", "win32", "x64", undefined, "@openai/codex-win32-x64/vendor/x86_64-pc-windows-msvc/bin/codex.exe"],
    ["claude_code", "linux", "x64", "glibc", "@anthropic-ai/claude-code-linux-x64/claude"],
    ["claude_code", "linux", "x64", "musl", "@anthropic-ai/claude-code-linux-x64-musl/claude"],
    ["claude_code", "darwin", "arm64", undefined, "@anthropic-ai/claude-code-darwin-arm64/claude"],
    ["gemini_cli", "linux", "x64", "glibc", "@google/gemini-cli/bundle/gemini.js"],
  ] as const)("has the program of %s for %s %s %s", (provider, os, arch, libc, path) => {
    expect(AGENT_PACKAGES[provider].program(platform({ os, arch, libc }))?.path).toBe(`node_modules/${path}`);
  });

  it.each(["codex", "claude_code"] as const)("has no %s for a machine that it is not made for", (provider) => {
    expect(AGENT_PACKAGES[provider].program(platform({ os: "freebsd" }))).toBeUndefined();
    expect(AGENT_PACKAGES[provider].program(platform({ arch: "riscv64" }))).toBeUndefined();
  });

  it.each(["omnara", "scripted", "toString", "__proto__", ""])("has no package for %j", (provider) => {
    expect(() => agentPackage(provider)).toThrow("npm installs no agent called");
  });
});

describe("isVersion", () => {
  it.each(["1.2.3", "0.0.1", "10.20.30-alpha.1", "0.61.0-nightly.20261120.abc"])("takes %s", (version) => {
    expect(isVersion(version)).toBe(true);
  });

  it.each(["1.2", "v1.2.3", "01.2.3", "1.2.3+build", "1.2.3 ", "1.2.3-", "latest", ".tmp-1.2.3", "1.2.3/..", ""])(
    "does not take %j",
    (version) => {
      expect(isVersion(version)).toBe(false);
    },
  );
});

function platform(changes: Partial<Platform>): Platform {
  return { ...thisPlatform(), os: "linux", arch: "x64", libc: undefined, ...changes };
}
