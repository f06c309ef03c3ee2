import { posix } from "node:path";
import type { KnownProvider } from "@signalbox/protocol";
import { InstallError } from "./install-errors.ts";
import { INSTALL_LIMITS } from "./install-limits.ts";
import type { Platform } from "./platform.ts";

/** Where npm has an agent, and which of its files is the program. */
export interface AgentPackage {
  readonly name: string;
  /** The program in an installed folder, `/` between its parts; undefined when the package has none for a platform. */
  readonly program: (platform: Platform) => PackagedProgram | undefined;
}

/** A program of an installed agent. */
export interface PackagedProgram {
  /** From the folder that `node_modules` stands in. */
  readonly path: string;
  /** `node`: a script that Node.js runs. */
  readonly kind: "native" | "node";
}

/**
 * The agents that npm installs, and their programs. The programs are the native ones, never the shims of `.bin`: a shim
 * stays between a signal and the process that it is meant for, and one of them works only after an install script has run.
 */
export const AGENT_PACKAGES = {
  codex: { name: "@openai/codex", program: codexProgram },
  claude_code: { name: "@anthropic-ai/claude-code", program: claudeProgram },
  gemini_cli: { name: "@google/gemini-cli", program: geminiProgram },
} as const satisfies Partial<Record<KnownProvider, AgentPackage>>;

/** A provider whose agent npm installs. */
export type InstallableProvider = keyof typeof AGENT_PACKAGES;

export const INSTALLABLE_PROVIDERS = Object.keys(AGENT_PACKAGES) as readonly InstallableProvider[];

/** Whether npm installs the agent of this provider. */
export function isInstallable(provider: string): provider is InstallableProvider {
  return Object.hasOwn(AGENT_PACKAGES, provider);
}

/** The package of a provider. Refuses with UNKNOWN_PROVIDER one that npm does not install. */
export function agentPackage(provider: string): AgentPackage {
  if (isInstallable(provider)) return AGENT_PACKAGES[provider];
  throw new InstallError(
    "UNKNOWN_PROVIDER",
    `npm installs no agent called ${JSON.stringify(provider)}; there are ${INSTALLABLE_PROVIDERS.join(", ")}`,
    { provider },
  );
}

/** Refuses with INVALID_VERSION what is not one exact version: a range or a tag would mean another one tomorrow. */
export function checkVersion(version: string): void {
  if (EXACT_VERSION.test(version) && version.length <= INSTALL_LIMITS["version.length"].value) return;
  throw new InstallError("INVALID_VERSION", `${JSON.stringify(version)} is not an exact version such as 1.2.3`, {
    version,
  });
}

export function isVersion(name: string): boolean {
  return EXACT_VERSION.test(name) && name.length <= INSTALL_LIMITS["version.length"].value;
}

/** No build metadata: npm leaves it out of what it compares. */
const EXACT_VERSION = /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

const CODEX_TARGETS: Readonly<Record<string, string>> = {
  "linux-x64": "x86_64-unknown-linux-musl",
  "linux-arm64": "aarch64-unknown-linux-musl",
  "darwin-x64": "x86_64-apple-darwin",
  "darwin-arm64": "aarch64-apple-darwin",
  "win32-x64": "x86_64-pc-windows-msvc",
  "win32-arm64": "aarch64-pc-windows-msvc",
};

/** One static binary for every Linux. */
function codexProgram({ os, arch }: Platform): PackagedProgram | undefined {
  const target = CODEX_TARGETS[`${os}-${arch}`];
  if (target === undefined) return undefined;
  const path = posix.join(`node_modules/@openai/codex-${os}-${arch}/vendor`, target, "bin", executable("codex", os));
  return { path, kind: "native" };
}

const CLAUDE_PLATFORMS: ReadonlySet<string> = new Set(Object.keys(CODEX_TARGETS));

function claudeProgram({ os, arch, libc }: Platform): PackagedProgram | undefined {
  if (!CLAUDE_PLATFORMS.has(`${os}-${arch}`)) return undefined;
  const suffix = libc === "musl" ? "-musl" : "";
  const path = `node_modules/@anthropic-ai/claude-code-${os}-${arch}${suffix}/${executable("claude", os)}`;
  return { path, kind: "native" };
}

function geminiProgram(): PackagedProgram {
  return { path: "node_modules/@google/gemini-cli/bundle/gemini.js", kind: "node" };
}

function executable(name: string, os: NodeJS.Platform): string {
  return os === "win32" ? `${name}.exe` : name;
}
