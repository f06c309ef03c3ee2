import { existsSync } from "node:fs";
import { tempDir } from "@signalbox/testkit";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { INSTALL_LIMITS } from "./install-limits.ts";
import { runProgram } from "./run-program.ts";

describe("runProgram", () => {
  it("gives a program the environment it is given, and no other", async () => {
    const end = await runProgram(sh("/usr/bin/env", { ONLY: "this" }));

    expect(end.stdout.split("\n")).toContain("ONLY=this");
    expect(end.stdout).not.toContain("HOME=");
  });

  it("keeps the end of what is printed", async () => {
    const end = await runProgram(sh("head -c 9000000 /dev/zero | tr '\\0' x; echo the-end"));

    expect(end.stdout).toHaveLength(INSTALL_LIMITS["output.bytes"].value);
    expect(end.stdout.endsWith("the-end\n")).toBe(true);
  });

  it("ends a program that takes too long, and what that has started", async () => {
    await using dir = await tempDir();

    const end = await runProgram({ ...sh(`(sleep 3; touch late) & wait`), cwd: dir.path, timeoutMs: 100 });

    expect(end).toMatchObject({ code: undefined, isLate: true });
    expect(existsSync(dir.file("late"))).toBe(false);
  });

  it("kills one that does not listen, and rejects with the reason of the abort", async () => {
    await using dir = await tempDir();
    const aborting = new AbortController();
    const call = {
      ...sh("trap '' TERM; touch ready; while :; do sleep 0.1; done"),
      cwd: dir.path,
      signal: aborting.signal,
    };
    const attempt = runProgram(call);
    attempt.catch(() => undefined);
    await eventually(() => existsSync(dir.file("ready")));

    aborting.abort(new Error("enough"));

    await expect(attempt).rejects.toThrow("enough");
  });

  it("rejects when there is no such program", async () => {
    await expect(runProgram({ ...sh(""), program: "/nowhere/at/all" })).rejects.toMatchObject({ code: "ENOENT" });
  });
});

function sh(
  script: string,
  env: Readonly<Record<string, string>> = { PATH: "/usr/bin:/bin" },
): Parameters<typeof runProgram>[0] {
  return { program: "/bin/sh", args: ["-c", script], cwd: "/", env, timeoutMs: 10_000 };
}
