import { existsSync } from "node:fs";
import { stat, utimes, writeFile } from "node:fs/promises";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { installLock } from "./install-lock.ts";

describe("installLock", () => {
  it("lets one hold it at a time", async () => {
    await using dir = await tempDir();
    const order: string[] = [];
    const file = dir.file("lock");
    const first = await installLock({ file });
    const second = installLock({ file, onWait: () => order.push("second waits") }).then(async (lock) => {
      order.push("second holds");
      await lock[Symbol.asyncDispose]();
    });
    await eventually(() => order.length === 1);
    order.push("first lets go");

    await first[Symbol.asyncDispose]();
    await second;

    expect(order).toEqual(["second waits", "first lets go", "second holds"]);
    expect(existsSync(file)).toBe(false);
  });

  it("shows that its holder lives", async () => {
    await using dir = await tempDir();
    const file = dir.file("lock");
    await using _lock = await installLock({ file });
    await utimes(file, new Date(0), new Date(0));

    const modified = await eventually(async () => {
      const { mtimeMs } = await stat(file);
      return mtimeMs > 0 && mtimeMs;
    });

    expect(Date.now() - modified).toBeLessThan(10_000);
  });

  it("is taken over from a holder that is gone", async () => {
    await using dir = await tempDir();
    const file = dir.file("lock");
    await writeFile(file, "somebody");
    await utimes(file, new Date(0), new Date(0));

    await using _lock = await installLock({ file });

    expect(existsSync(file)).toBe(true);
  });

  it("leaves a lock alone that was taken over from it", async () => {
    await using dir = await tempDir();
    const file = dir.file("lock");
    const lock = await installLock({ file });
    await writeFile(file, "somebody else");

    await lock[Symbol.asyncDispose]();

    expect(existsSync(file)).toBe(true);
  });

  it("stops waiting when it is aborted", async () => {
    await using dir = await tempDir();
    const file = dir.file("lock");
    await using _lock = await installLock({ file });

    const waiting = installLock({ file, signal: AbortSignal.abort(new Error("no longer wanted")) });

    await expect(waiting).rejects.toThrow("no longer wanted");
  });
});
