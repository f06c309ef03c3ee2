import { describe, expect, it } from "vitest";
import { agentLockfile, isLocked, lockfileHash } from "./lockfile.ts";

describe("agentLockfile", () => {
  it("keeps what fixes the content and leaves out where it came from", () => {
    const locked = agentLockfile(lockfile(), "agent-cli", "1.2.3");

    expect(locked).toContain("sha512-main");
    expect(locked).not.toContain("registry.example");
    expect(agentLockfile(locked, "agent-cli", "1.2.3")).toBe(locked);
  });

  it.each([
    { what: "no JSON", text: "{" },
    { what: "another format", text: JSON.stringify({ lockfileVersion: 1, dependencies: {} }) },
    { what: "another package", text: lockfile({ dependencies: { other: "1.2.3" } }) },
    { what: "another version", text: lockfile({ dependencies: { "agent-cli": "1.2.4" } }) },
    { what: "a range", text: lockfile({ dependencies: { "agent-cli": "^1.2.3" } }) },
    { what: "more than the agent", text: lockfile({ dependencies: { "agent-cli": "1.2.3", other: "1.0.0" } }) },
    { what: "a package without a hash", text: lockfile({ entry: { integrity: undefined } }) },
    { what: "a link", text: lockfile({ entry: { link: true } }) },
    { what: "a folder of this machine", text: lockfile({ path: "../elsewhere" }) },
    { what: "too much", text: lockfile({ name: "x".repeat(5_000_000) }) },
  ])("refuses $what", ({ text }) => {
    expect(() => agentLockfile(text, "agent-cli", "1.2.3")).toThrow(/^the lockfile cannot be used: /);
  });
});

describe("lockfileHash", () => {
  it("is the same wherever a lockfile was made", () => {
    const here = agentLockfile(lockfile({ name: "tmp-1" }), "agent-cli", "1.2.3");
    const there = lockfile({ name: "tmp-2", entry: { license: "MIT" } });

    expect(lockfileHash(here)).toBe(lockfileHash(there));
  });

  it.each([{ integrity: "sha512-other" }, { version: "1.2.4" }])("is another for %j", (entry) => {
    expect(lockfileHash(lockfile({ entry }))).not.toBe(lockfileHash(lockfile()));
  });
});

describe("isLocked", () => {
  it("tells whether a path belongs to a package of the lockfile", () => {
    const text = lockfile();

    expect(isLocked(text, "node_modules/agent-cli/bin/agent")).toBe(true);
    expect(isLocked(text, "node_modules/agent-cli-linux/agent")).toBe(false);
  });
});

interface Changes {
  readonly name?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly entry?: Readonly<Record<string, unknown>>;
}

function lockfile({
  name = "x",
  dependencies = { "agent-cli": "1.2.3" },
  path = "node_modules/agent-cli",
  entry = {},
}: Changes = {}): string {
  const main = { version: "1.2.3", resolved: "https://registry.example/agent.tgz", integrity: "sha512-main", ...entry };
  return JSON.stringify({ name, lockfileVersion: 3, packages: { "": { dependencies }, [path]: main } });
}
