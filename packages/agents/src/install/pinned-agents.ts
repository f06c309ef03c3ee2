import type { InstallableProvider } from "./agent-packages.ts";

/**
 * The versions that our own tests run, and that a release of this package is known to work with. After a change here
 * `node scripts/install-agents.mjs --lock` makes the lockfiles in `locks/`.
 */
export const PINNED_AGENTS = {
  codex: "0.169.0",
  claude_code: "2.1.329",
  gemini_cli: "0.61.0",
} as const satisfies Record<InstallableProvider, string>;
