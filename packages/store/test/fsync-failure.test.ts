import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { findDamage, openParcels } from "./_support/parcel-store.ts";
import { canTrace, runTraced } from "./_support/strace.ts";

const WRITER = new URL("./_support/writer-process.ts", import.meta.url);
const isPossible = canTrace();

if (!isPossible) console.warn("fsync-failure: skipped, as strace is missing or may not trace here");

describe.skipIf(!isPossible)("a disk that fails to sync", () => {
  it("ends the store for good: outcome unknown, a fatal event, and no second try", async () => {
    await using dir = await tempDir();
    await (await openParcels(dir.file("data"))).close();
    const fault = ["-P", dir.file("data", "signalbox.db-wal"), "-e", "inject=fsync,fdatasync:error=EIO:when=5+"];

    const { lines, exitCode, calls } = await runTraced(
      WRITER,
      [dir.file("data"), "p", "1"],
      ["-e", "trace=fsync,fdatasync", ...fault],
    );

    expect(exitCode).toBe(70);
    expect(lines.filter((line) => line === "fatal")).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith("unknown "))).toHaveLength(1);
    expect(calls.filter((call) => call.includes("INJECTED"))).toHaveLength(1);
    const acknowledged = lines.flatMap((line) => (line.startsWith("stored ") ? [line.slice(7)] : []));
    await (await openParcels(dir.file("data"))).close();
    expect(findDamage(dir.file("data"), acknowledged)).toEqual([]);
  });
});
