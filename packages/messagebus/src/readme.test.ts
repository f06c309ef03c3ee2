import { globSync, readFileSync } from "node:fs";

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { askCarefully, callMethods, host, inTests, publishAndSubscribe, quickStart } from "./bus.examples.ts";
import { toBusError } from "./errors.ts";
import { BUS_ERRORS, BUS_LIMITS, getMessageBus, resetMessageBus } from "./index.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = globSync("**/*.examples.ts", { cwd: import.meta.dirname })
  .map((file) => readFileSync(new URL(file, import.meta.url), "utf8"))
  .join("\n");

describe("the README", () => {
  it.each([...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code))(
    "shows code that is compiled",
    (code) => {
      expect(withoutIndents(examples)).toContain(withoutIndents(code));
    },
  );

  it.each(Object.entries(BUS_LIMITS))("has limit %s as it is", (name, { value, unit, meaning }) => {
    expect(rowOf(`\`${name}\``)).toEqual([`\`${name}\``, value.toLocaleString("en-US"), unit, meaning]);
  });

  it.each(Object.entries(BUS_ERRORS))("has error %s, and whether it can be retried", (code, { isRetryable }) => {
    expect(rowOf(`\`${toBusError(code, "").name}\``).slice(1, 3)).toEqual([`\`${code}\``, isRetryable ? "yes" : "no"]);
  });
});

describe("the examples", () => {
  beforeEach(() => resetMessageBus());
  afterEach(() => vi.restoreAllMocks());

  it("do what they say", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});

    await quickStart();
    await publishAndSubscribe(getMessageBus("a"), new AbortController().signal);
    await callMethods();

    expect(log.mock.calls).toEqual([
      ["fastapi-backend", { eventType: "started" }],
      ["create_endpoint"],
      ["orchestration/task-complete", "task_123"],
      [{ caller: "orchestrator", status: "deployed" }],
      ["serviceName is required"],
    ]);
  });

  it("report failures, fall back and stand alone", async () => {
    const error = vi.spyOn(console, "error").mockImplementation(() => {});
    const seen: unknown[] = [];
    getMessageBus("a").subscribe("system/*", ({ payload }) => {
      seen.push(payload);
      throw new Error("explosive");
    });

    await host();
    await inTests();

    expect(seen).toEqual([{ maintenance: true }]);
    expect(error.mock.calls).toEqual([["a failed on system/*:", new Error("explosive")]]);
    expect(await askCarefully(getMessageBus("a"))).toEqual({ error: "NO_RESPONDER", fallbackUsed: true });
  });
});

/** The cells of the row of a table that begins with a cell. */
function rowOf(first: string): string[] {
  const row = readme.split("\n").find((line) => line.startsWith(`| ${first} `)) ?? "";
  return row
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

function withoutIndents(code: string): string {
  return code.replace(/^ +/gm, "");
}
