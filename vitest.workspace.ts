import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { defineConfig } from "vitest/config";

/**
 * Projects whose files each get a process of their own: one of them measures memory, the other leaves processes behind
 * when it fails. Files of the others follow each other in one, and load what they test once: a quarter of a second each.
 */
const ALONE: ReadonlySet<string> = new Set(["@signalbox/circuit-breaker", "@signalbox/conformance"]);

/** Every package is a project under its own name: `pnpm exec vitest run --project @signalbox/store`. */
const projects = globSync("{packages/*,apps/*,conformance,bench}/package.json", { cwd: import.meta.dirname })
  .sort()
  .map((manifest) => {
    const { name } = JSON.parse(readFileSync(join(import.meta.dirname, manifest), "utf8")) as { name: string };
    const root = join(import.meta.dirname, dirname(manifest));
    return { extends: true as const, test: { name, root, isolate: ALONE.has(name) } };
  });

/**
 * Suites that take minutes together: faults, agents that misbehave, waits of real length. `npm test` leaves them out;
 * `pnpm verify --with long,faults` runs them, as CI does. With SIGNALBOX_LONG=1 vitest knows them like all others.
 */
const LONG = process.env["SIGNALBOX_LONG"] === "1" ? [] : ["**/*.long.test.ts", "**/faults/*.test.ts"];

export default defineConfig({
  test: {
    projects,
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/.types/**", ...LONG],
    maxWorkers: 2,
    // Not what a test should take, but what ends one that hangs, on a machine that does ten things at once as well.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    // PATIENCE_MS of the testkit
    expect: { poll: { timeout: 30_000 } },
    passWithNoTests: true,
  },
});
