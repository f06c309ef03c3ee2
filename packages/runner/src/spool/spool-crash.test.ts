import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { appendFile, cp, readdir, readFile, truncate, unlink, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually, tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../process/clock.ts";
import { HEADER_BYTES } from "./record-codec.ts";
import type { StreamRecord } from "./spool-record.ts";
import { Spool } from "./spool.ts";
import type { SpoolSettings } from "./spool.ts";

let dir: TempDir;
beforeEach(async () => void (dir = await tempDir()));
afterEach(() => dir[Symbol.asyncDispose]());

describe("Spool after a crash", () => {
  it("has every record that it confirmed before it was killed, and nothing false", async () => {
    for (let round = 0; round < 10; round++) {
      const directory = dir.file(`att_${round}`);
      const confirmed = await writeUntilKilled(directory, 5 + round * 37);

      await using spool = await openSpool({}, directory);
      const records = await all(spool, "stdout");

      const lines = records.map((record) => (record.type === "output" ? record.bytes.toString() : "gap"));
      expect(lines).toEqual(Array.from(lines, (_, index) => lineOf(index)));
      expect(lines.length).toBeGreaterThanOrEqual(confirmed);
    }
  });

  // Seen red without the fsync of files, and without that of directories.
  it("has every record that it confirmed when the power is cut at any fsync, even amid a write", async () => {
    for (let cut = 1; cut < 60; cut++) {
      const directory = dir.file(`cut_${cut}`);
      const disk = new UnsafeDisk(cut);
      const confirmed = await writeUntilCut(directory, disk);
      await disk.losePower(directory, cut);

      await using spool = await openSpool({}, directory);
      const records = await all(spool, "stdout", 0);

      expect(endOf(records), `power cut at fsync ${cut}`).toBeGreaterThanOrEqual(confirmed);
      expect(records.filter(({ type, offset }) => type === "gap" && offset < confirmed)).toEqual([]);
      // The directory above the spool is nobody's to lose here.
      expect(confirmed > 0 || cut < 15).toBe(true);
    }
  });

  it("recovers to the last whole record from a file that ends anywhere", async () => {
    await writeLines(3);
    const [path = ""] = segments();
    const whole = await readFile(path);

    for (let length = whole.length; length >= 0; length -= 7) {
      await writeFile(path, whole.subarray(0, length));
      const spool = await openSpool();
      const records = await all(spool, "stdout");
      await spool.close();
      expect(records).toHaveLength(Math.floor(length / (HEADER_BYTES + lineOf(0).length)));
      expect(statSync(path).size % (HEADER_BYTES + lineOf(0).length)).toBe(0);
    }
  });

  // Seen red without the check of a payload's checksum.
  it("turns a flipped bit of a payload into a gap of exactly the record's bytes", async () => {
    await writeLines(3);
    await flipBit(segments()[0] ?? "", lineOf(1));

    await using spool = await openSpool();

    expect((await all(spool, "stdout")).map(({ type, offset, seq }) => ({ type, offset, seq }))).toEqual([
      { type: "output", offset: 0, seq: 1 },
      { type: "gap", offset: 9, seq: 2 },
      { type: "output", offset: 18, seq: 3 },
    ]);
    expect(spool.damagedBytes).toBe(HEADER_BYTES + 9);
  });

  it("turns a flipped bit of a header into a gap up to the next record", async () => {
    await writeLines(3);
    const [path = ""] = segments();
    const bytes = await readFile(path);
    bytes[HEADER_BYTES + 9 + 20]! ^= 1;
    await writeFile(path, bytes);

    await using spool = await openSpool();

    expect(await all(spool, "stdout")).toMatchObject([
      { type: "output", offset: 0 },
      { type: "gap", offset: 9, length: 9, reason: "corrupt" },
      { type: "output", offset: 18 },
    ]);
  });

  it("tells of a last record that is damaged, and goes on behind it", async () => {
    await writeLines(2);
    await flipBit(segments()[0] ?? "", lineOf(1));

    await using spool = await openSpool();
    await append(spool, "after");

    expect(await all(spool, "stdout")).toMatchObject([
      { type: "output", seq: 1, offset: 0 },
      { type: "gap", seq: 2, offset: 9, length: 9, reason: "corrupt" },
      { type: "output", seq: 3, offset: 18 },
    ]);
  });

  it("tells of damage that comes while it is open", async () => {
    await using spool = await openSpool();
    for (let index = 0; index < 3; index++) await append(spool, lineOf(index));

    await flipBit(segments()[0] ?? "", lineOf(1));

    expect((await all(spool, "stdout")).map(({ type }) => type)).toEqual(["output", "gap", "output"]);
  });

  // Seen red when segments are deleted before it is saved that they were acknowledged.
  it("knows how far its streams had come when all segments are deleted and it is killed", async () => {
    await using spool = await openSpool({ segmentBytes: 100 });
    await append(spool, lineOf(0));
    spool.acknowledge("stdout", 9);
    await eventually(() => segments().length === 0);
    await cp(dir.file("att_1"), dir.file("as_killed"), { recursive: true });

    await using reopened = await openSpool({}, dir.file("as_killed"));

    expect(reopened.positions.get("stdout")).toEqual({ offset: 9, seq: 2, acknowledged: 9 });
  });

  it("sends more again, but tells no false gap, when what was acknowledged could not be saved", async () => {
    const spool = await openSpool({ segmentBytes: 150 });
    for (let index = 0; index < 6; index++) await append(spool, lineOf(index));
    await spool.close();
    for (const path of segments().slice(0, 2)) await unlink(path);
    await unlink(dir.file("att_1", "positions"));

    await using reopened = await openSpool();

    expect((await all(reopened, "stdout"))[0]).toMatchObject({ type: "output" });
    expect((await all(reopened, "stdout")).filter(({ type }) => type === "gap")).toEqual([]);
  });

  it("is broken for good by an fsync that fails, and asks no second time", async () => {
    let fsyncs = 0;
    let isFailing = false;
    const fsync = async (file: FileHandle) => {
      fsyncs++;
      if (isFailing) throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
      await file.datasync();
    };
    await using spool = await openSpool({ fsync });
    await append(spool, "before");
    isFailing = true;
    const before = fsyncs;

    await expect(append(spool, "during")).rejects.toMatchObject({ code: "spool_broken" });
    isFailing = false;
    await expect(append(spool, "after")).rejects.toMatchObject({ code: "spool_broken" });

    expect(fsyncs - before).toBe(1);
    expect((await all(spool, "stdout")).map((record) => endOf([record]))).toEqual([6]);
  });
});

describe("Spool on a full disk", () => {
  it("loses nothing that it confirmed, tells the rest as one gap, and recovers when there is space", async ({
    skip,
  }) => {
    const disk = smallDisk(dir.file("disk"));
    if (!disk) return skip("this machine lets us mount no small disk: a full one is not proven here");
    try {
      await using spool = await openSpool({ intervalMs: 20 }, join(dir.file("disk"), "att_1"));
      await spool.append({ type: "meta", value: {} });
      const chunk = "x".repeat(4000);
      const outcomes = [];
      do outcomes.push(await append(spool, chunk));
      while (outcomes.at(-1)?.stored);
      await writeFile(dir.file("disk", "filler"), Buffer.alloc(8192)).catch(() => undefined);
      const confirmed = outcomes.length - 1;

      await expect(spool.append({ type: "finish", value: "x".repeat(9000) })).rejects.toMatchObject({
        code: "disk_full",
      });
      const whileFull = endOf(await all(spool, "stdout"));
      await unlink(dir.file("disk", "ballast"));
      await eventually(async () => (await append(spool, "after")).stored);
      await spool.append({ type: "finish", value: {} });

      const records = await all(spool, "stdout");
      const kinds = records.map((record) => (record.type === "gap" ? record.reason : "output"));
      expect(whileFull).toBeGreaterThanOrEqual(confirmed * 4000);
      // Here and there a gap's own small record fits on the full disk, and the next gap begins where it ends.
      expect(kinds.join(" ")).toMatch(new RegExp(`^(output ){${confirmed}}(disk_full )+output$`));
      expect(holesIn(records)).toEqual([]);
      expect(endOf(records)).toBe(spool.positions.get("stdout")?.offset);
    } finally {
      execFileSync("umount", [dir.file("disk")]);
    }
  });
});

const lineOf = (index: number): string => `line ${String(index).padStart(3, "0")}\n`;

/** Writes lines in a process of its own until it is killed; answers how many it was told are durable. */
async function writeUntilKilled(directory: string, lines: number): Promise<number> {
  const script = `
    import { Spool } from ${JSON.stringify(new URL("spool.ts", import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL("../process/clock.ts", import.meta.url).href)};
    const spool = await Spool.open(process.argv[1], { clock: systemClock, segmentBytes: 1000 });
    for (let index = 0; ; index++) {
      const line = "line " + String(index).padStart(3, "0") + "\\n";
      spool.append({ type: "output", stream: "stdout", bytes: Buffer.from(line) }).then(() => console.log(index + 1));
      if (index % 5 === 0) await new Promise(setImmediate);
    }`;
  const writer = spawn(process.execPath, ["--input-type=module", "-e", script, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(writer, "exit");
  let confirmed = 0;
  for await (const line of createInterface(writer.stdout)) {
    confirmed = Number(line);
    if (confirmed >= lines) writer.kill("SIGKILL");
  }
  await exit;
  return confirmed;
}

/** Appends, acknowledges and starts new segments until the power fails; answers how many bytes were confirmed. */
async function writeUntilCut(directory: string, disk: UnsafeDisk): Promise<number> {
  let confirmed = 0;
  try {
    await using spool = await openSpool({ segmentBytes: 300, fsync: (file) => disk.sync(file) }, directory);
    for (let index = 0; index < 200; index++) {
      await append(spool, lineOf(index));
      confirmed += lineOf(index).length;
    }
    throw new Error("the power was never cut");
  } catch (error) {
    if (!disk.isOff) throw error;
  }
  return confirmed;
}

/** A disk that keeps what was synced, and of the rest as much as it likes. */
class UnsafeDisk {
  isOff = false;
  readonly #failAt: number;
  #syncs = 0;
  readonly #durableBytes = new Map<number, number>();
  readonly #durableNames = new Set<string>();

  constructor(failAt: number) {
    this.#failAt = failAt;
  }

  async sync(file: FileHandle): Promise<void> {
    if (++this.#syncs >= this.#failAt) this.isOff = true;
    if (this.isOff) throw new Error("the power is off");
    const stats = await file.stat();
    if (stats.isFile()) this.#durableBytes.set(stats.ino, stats.size);
    else for (const name of await readdir(`/proc/self/fd/${file.fd}`)) this.#durableNames.add(name);
  }

  /** Forgets files whose names were not synced, and cuts the others to what was synced and part of what was not. */
  async losePower(directory: string, seed: number): Promise<void> {
    for (const name of await readdir(directory).catch(() => [])) {
      const path = join(directory, name);
      const { ino, size } = statSync(path);
      const durable = this.#durableBytes.get(ino) ?? 0;
      if (!this.#durableNames.has(name)) await unlink(path);
      else await truncate(path, durable + Math.floor(((size - durable) * (seed % 4)) / 4));
    }
    if (readdirSync(directory).includes("output-00000001.log") && seed % 3 === 0) {
      await appendFile(join(directory, lastSegment(directory)), Buffer.alloc(40));
    }
  }
}

function lastSegment(directory: string): string {
  return (
    readdirSync(directory)
      .filter((name) => name.startsWith("output-"))
      .sort()
      .at(-1) ?? ""
  );
}

async function writeLines(count: number): Promise<void> {
  await using spool = await openSpool();
  for (let index = 0; index < count; index++) await append(spool, lineOf(index));
}

async function flipBit(path: string, text: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.indexOf(text)]! ^= 1;
  await writeFile(path, bytes);
}

function segments(): string[] {
  const directory = dir.file("att_1");
  return readdirSync(directory)
    .filter((name) => name.startsWith("output-") && readFileSync(join(directory, name)).length > 0)
    .sort()
    .map((name) => join(directory, name));
}

/** A disk of 256 KiB, half of it taken by ballast; undefined where we may not mount one. */
function smallDisk(path: string): string | undefined {
  try {
    execFileSync("mkdir", [path]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", path], { stdio: "ignore" });
    execFileSync("dd", ["if=/dev/zero", `of=${path}/ballast`, "bs=64k", "count=2"], { stdio: "ignore" });
    return path;
  } catch {
    return undefined;
  }
}

function openSpool(settings: Partial<SpoolSettings> = {}, directory = dir.file("att_1")): Promise<Spool> {
  return Spool.open(directory, { clock: systemClock, ...settings });
}

function append(spool: Spool, text: string): ReturnType<Spool["append"]> {
  return spool.append({ type: "output", stream: "stdout", bytes: Buffer.from(text) });
}

async function all(spool: Spool, stream: string, fromOffset?: number): Promise<StreamRecord[]> {
  const found = [];
  for await (const record of spool.read(stream, fromOffset === undefined ? {} : { fromOffset })) found.push(record);
  return found;
}

/** Records that do not begin where the one before ends. */
function holesIn(records: readonly StreamRecord[]): StreamRecord[] {
  return records.filter((record, index) => record.offset !== endOf(records.slice(0, index)));
}

function endOf(records: readonly StreamRecord[]): number {
  const last = records.at(-1);
  if (!last) return 0;
  return last.offset + (last.type === "gap" ? last.length : last.bytes.length);
}
