import { describe, expect, it } from "vitest";

import { readMemory } from "./memory-files.ts";

/** A workspace with these files; a value that begins with `->` is a link to another. */
function workspace(files: Readonly<Record<string, string>>) {
  const linkOf = (path: string) => /^->(.*)$/.exec(files[path] ?? "")?.[1];
  const read = async (path: string) => (linkOf(path) === undefined ? files[path] : undefined);
  return {
    read,
    follow: async (path: string) => {
      const target = linkOf(path);
      return target === undefined ? undefined : read(target);
    },
  };
}

const LONG = 10_000;

describe("what a project has for agents to know", () => {
  it("is told in the words of its files, the one that counts most first", async () => {
    const files = workspace({ "AGENTS.md": "Use tabs.", "CLAUDE.md": "Be brief.", "README.md": "Hello." });

    const memory = await readMemory(files, { names: ["CLAUDE.md", "AGENTS.md"], maxLength: LONG });

    expect(memory?.files).toEqual([
      { name: "CLAUDE.md", isCut: false },
      { name: "AGENTS.md", isCut: false },
    ]);
    expect(memory?.instructions).toMatch(
      /--- CLAUDE.md ---\nBe brief.\n--- end of CLAUDE.md ---\n\n--- AGENTS.md ---\nUse tabs.\n/,
    );
    expect(memory?.instructions).not.toContain("Hello.");
  });

  it.each([
    ["nothing", {}],
    ["a file of another agent", { "CLAUDE.md": "Be brief." }],
    ["an empty file", { "AGENTS.md": " \n" }],
    ["a file that is no text", { "AGENTS.md": "Use\0tabs" }],
    ["a link to nowhere", { "AGENTS.md": "->gone.md" }],
  ])("is nothing where there is %s", async (_, files) => {
    expect(await readMemory(workspace(files), { maxLength: LONG })).toBeUndefined();
  });

  it("is told once where a file has two names", async () => {
    const files = workspace({ "CLAUDE.md": "->AGENTS.md", "AGENTS.md": "Use tabs." });

    const memory = await readMemory(files, { names: ["CLAUDE.md", "AGENTS.md"], maxLength: LONG });

    expect(memory?.files).toEqual([{ name: "CLAUDE.md", isCut: false }]);
    expect(memory?.instructions).toContain("Use tabs.");
  });

  it("has a place of its own for a link alone", async () => {
    const memory = await readMemory(workspace({ "AGENTS.md": "->docs/agents.md", "docs/agents.md": "Use tabs." }), {
      maxLength: LONG,
    });

    expect(memory?.instructions).toContain("--- AGENTS.md ---\nUse tabs.");
  });

  it.each([300, 400, 1_000, 5_000])("is no longer than %i characters, and says what is left out", async (maxLength) => {
    const files = workspace({ "CLAUDE.md": "🙂".repeat(2_000), "AGENTS.md": "Use tabs." });

    const memory = await readMemory(files, { names: ["CLAUDE.md", "AGENTS.md"], maxLength });

    expect(memory?.instructions.length).toBeLessThanOrEqual(maxLength);
    expect(memory?.files[0]).toEqual({ name: "CLAUDE.md", isCut: maxLength < 4_200 });
    expect(memory?.instructions.includes("[… left out: CLAUDE.md has 4000 characters …]")).toBe(maxLength < 4_200);
    expect(memory?.instructions).not.toMatch(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/);
  });
});
