import { canMount, smallDisk, tempDir } from "@signalbox/testkit";
import Database from "better-sqlite3";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, it } from "vitest";

import {
  DistributedStateManager,
  StateFileCorruptError,
  StateFileError,
  StateFileFailedError,
  StateFileLockedError,
  StateFileNotOursError,
  StateFileTooNewError,
  StorageFullError,
} from "../src/index.ts";
import { openPluginState, sqlitePersistence } from "../src/sqlite/index.ts";
import { seeded } from "./_support/lossy-network.ts";
import { Replicas, viewOfState } from "./_support/replicas.ts";
import type { StateProcessReport, StateProcessTask } from "./fixtures/state-process.ts";

function open(path: string, pluginId = "shop"): DistributedStateManager {
  return new DistributedStateManager(pluginId, { bus: false, persistence: sqlitePersistence(path) });
}

/** A state of every kind, closed again. */
async function makeFile(path: string): Promise<object> {
  const manager = open(path);
  for (let n = 0; n < 40; n++) {
    manager.setRegister(`register ${n}`, { n, text: "some text of a register" });
    manager.addToSet("set", [n]);
    manager.incrementCounter("counter", n);
    manager.decrementCounter("counter");
  }
  manager.removeFromSet("set", [3]);
  manager.deleteRegister("register 4");
  await manager.exportState("price", { euro: 9 }, { readers: ["till"] });
  const view = viewOfState(manager);
  await manager.close();
  return view;
}

function refusalOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

function startProcess(task: StateProcessTask, path: string, options: { uid?: number } = {}): ChildProcess {
  const program = `${import.meta.dirname}/fixtures/state-process.ts`;
  return fork(program, [task, path], { ...options, serialization: "advanced", execArgv: [], stdio: "inherit" });
}

describe("a state that is kept in a file", () => {
  it("is there again when it is opened again, and the file is for its owner only", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    const before = await makeFile(path);

    await using manager = open(path);

    expect(viewOfState(manager)).toEqual(before);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("goes on counting under a new id of each life, and another replica that knew the lives before agrees", async () => {
    await using dir = await tempDir();
    const other = new DistributedStateManager("shop", { bus: false });
    const ids = new Set<string>();

    for (let life = 1; life <= 5; life++) {
      const manager = open(dir.file("state.db"));
      ids.add(manager.replicaId);
      manager.incrementCounter("lives");
      manager.addToSet("lives", life);
      other.merge(manager.snapshot());
      await manager.close();
      expect(other.getCounter("lives")).toBe(life);
    }

    expect(ids.size).toBe(5);
    expect(other.getSet("lives")).toEqual([1, 2, 3, 4, 5]);
  });

  it("keeps what came from other replicas", async () => {
    await using dir = await tempDir();
    const replicas = new Replicas();
    const kept = replicas.add("kept", { persistence: sqlitePersistence(dir.file("state.db")) });
    const other = replicas.add("other");
    other.setRegister("x", 1);
    other.addToSet("s", "a");
    other.incrementCounter("c", 3);
    other.flush();
    await kept.close();

    await using again = open(dir.file("state.db"));

    expect(viewOfState(again)).toEqual(viewOfState(other));
  });

  it("does not grow without an end, and is right after each time that it was written anew", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    const manager = open(path);
    for (let n = 0; n < 1_500; n++) {
      manager.setRegister(`key ${n % 10}`, `${n}${"x".repeat(2_000)}`);
      if (n % 10 === 0) manager.flush();
    }
    const before = viewOfState(manager);
    await manager.close();

    await using again = open(path);

    // Three megabytes were written to it.
    expect(statSync(path).size).toBeLessThan(1_500_000);
    expect(viewOfState(again)).toEqual(before);
  });

  it("has what was done in the last moment before the process ended by itself", async () => {
    await using dir = await tempDir();
    const process = startProcess("exit", dir.file("state.db"));
    await once(process, "close");

    await using manager = open(dir.file("state.db"));

    expect(manager.getCounter("count")).toBe(1);
  });

  it("lies in the folder of its plugin", async () => {
    await using dir = await tempDir();
    await using manager = openPluginState(dir.path, "shop", { bus: false });
    manager.setRegister("x", 1);
    await manager.flushed();

    expect(readdirSync(dir.file(".claude-plugin"))).toContain("state.db");
  });

  it("counts for itself in a copy, so that nothing is lost when both go on", async () => {
    await using dir = await tempDir();
    const original = open(dir.file("state.db"));
    original.incrementCounter("c", 10);
    await original.close();
    copyFileSync(dir.file("state.db"), dir.file("copy.db"));
    await using one = open(dir.file("state.db"));
    await using other = open(dir.file("copy.db"));

    one.incrementCounter("c", 5);
    other.incrementCounter("c", 7);
    other.decrementCounter("c");
    one.merge(other.snapshot());

    expect(one.getCounter("c")).toBe(10 + 5 + 7 - 1);
  });
});

describe("a state whose file was changed by hand", () => {
  it.each(["", "x".repeat(300), "a b\0c"])("counts under a new name where its own cannot be: %j", async (name) => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    await open(path).close();
    const database = new Database(path);
    database.prepare("UPDATE meta SET value = ? WHERE name = 'slot'").run(name);
    database.close();

    const manager = open(path);
    manager.incrementCounter("c", 2);
    const other = new DistributedStateManager("shop", { bus: false });
    other.merge(manager.snapshot());
    await manager.close();

    const again = open(path);
    expect([other.getCounter("c"), again.getCounter("c")]).toEqual([2, 2]);
    await again.close();
  });

  // A backup that is written into the same file leaves nothing by which the file could be told from what it was.
  it.fails("loses no count where an older content was written into it, as a backup does", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    const first = open(path);
    first.incrementCounter("c", 5);
    await first.close();
    const backup = readFileSync(path);
    const other = new DistributedStateManager("shop", { bus: false });
    const second = open(path);
    second.incrementCounter("c", 5);
    other.merge(second.snapshot());
    await second.close();

    writeFileSync(path, backup);
    const restored = open(path);
    restored.incrementCounter("c", 1);
    other.merge(restored.snapshot());
    await restored.close();

    expect(other.getCounter("c")).toBe(11);
  });
});

describe("a process that is killed", () => {
  it("has lost nothing that it flushed or that another replica heard of, whenever it is killed", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    const random = seeded(2026);
    const witness = new DistributedStateManager("shop", { bus: false });
    const ids: string[] = [];
    let mostFlushed = 0;

    for (let life = 0; life < 10; life++) {
      const process = startProcess("count", path);
      const reportsLeft = 1 + Math.floor(random() * 150);
      const reported: StateProcessReport[] = [];
      const applied: string[] = [];
      const heard = witness.getCounter("count");
      process.on("message", (report: StateProcessReport) => {
        reported.push(report);
        if (report.type === "delta") applied.push(witness.applyDelta(report.bytes));
        if (reported.length === reportsLeft) process.kill("SIGKILL");
      });
      await once(process, "close");
      expect(process.signalCode).toBe("SIGKILL");
      const [opened] = reported;
      expect(opened).toMatchObject({ type: "open", count: expect.toSatisfy((is: number) => is >= heard) });
      ids.push((opened as { replicaId: string }).replicaId);
      // It speaks in order, so nothing that it told is missing.
      expect(new Set([...applied, "applied"])).toEqual(new Set(["applied"]));
      for (const report of reported) if (report.type === "flushed") mostFlushed = report.count;

      const file = open(path);
      const before = file.snapshot();
      expect(file.getCounter("count")).toBeGreaterThanOrEqual(mostFlushed);
      // All that others heard of is in it: hearing of it again brings nothing new.
      file.merge(witness.snapshot());
      expect(file.snapshot()).toEqual(before);
      // And it fits what they heard: no number of an operation was used twice.
      witness.merge(before);
      expect(witness.snapshot()).toEqual(before);
      await file.close();
    }

    expect(new Set(ids).size).toBe(10);
    expect(mostFlushed).toBeGreaterThan(100);
  });

  it("does not hold its file any longer", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    const process = startProcess("hold", path);
    await once(process, "message");
    expect(refusalOf(() => open(path))).toBeInstanceOf(StateFileLockedError);
    expect(refusalOf(() => open(path))).toMatchObject({ code: "FILE_LOCKED", isRetryable: true, path });

    process.kill("SIGKILL");
    await once(process, "close");

    await open(path).close();
  });
});

describe("a file that cannot be used", () => {
  it("is refused while another state manager of this process has it, which goes on", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    const first = open(path);

    expect(refusalOf(() => open(path))).toBeInstanceOf(StateFileLockedError);
    first.setRegister("x", 1);
    await first.close();

    const second = open(path);
    expect(second.getRegister("x")).toBe(1);
    await second.close();
  });

  it("is refused and left alone where anything in it was altered that is not noticed as harmless", async () => {
    await using dir = await tempDir();
    const before = await makeFile(dir.file("good.db"));
    const good = readFileSync(dir.file("good.db"));
    const random = seeded(3);
    const path = dir.file("bad.db");
    const views: object[] = [];
    let refused = 0;

    for (let round = 0; round < 100; round++) {
      const bad = Buffer.from(good);
      for (let count = 0; count < 1 + (round % 3); count++) {
        const at = Math.floor(random() * bad.length);
        bad[at] = bad[at]! ^ (1 << Math.floor(random() * 8));
      }
      writeFileSync(path, bad);
      const refusal = refusalOf(() => {
        const manager = open(path);
        views.push(viewOfState(manager));
        void manager.close();
      });
      if (refusal === undefined) continue;
      refused++;
      expect(refusal).toBeInstanceOf(StateFileError);
      expect(readFileSync(path).equals(bad)).toBe(true);
    }

    expect(refused).toBeGreaterThan(20);
    for (const view of views) expect(view).toEqual(before);
  });

  it.each([0.9, 0.5, 0.1])("is refused and left alone where only the first part of it is there: %f", async (part) => {
    await using dir = await tempDir();
    await makeFile(dir.file("state.db"));
    const whole = readFileSync(dir.file("state.db"));
    const cut = whole.subarray(0, Math.floor(whole.length * part));
    writeFileSync(dir.file("state.db"), cut);

    expect(refusalOf(() => open(dir.file("state.db")))).toBeInstanceOf(StateFileError);
    expect(readFileSync(dir.file("state.db")).equals(cut)).toBe(true);
  });

  it("is refused where a record was altered, is missing, or stands in another's place", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    const changes = [
      "UPDATE log SET bytes = zeroblob(20) WHERE position = 2",
      "UPDATE log SET kind = 1 - kind WHERE position = 2",
      "UPDATE log SET kind = 9 WHERE position = 2",
      "UPDATE log SET bytes = 'text' WHERE position = 2",
      "DELETE FROM log WHERE position = 2",
      "UPDATE log SET position = 99 WHERE position = 2",
    ];

    for (const change of changes) {
      writeFileSync(path, "");
      const manager = open(path);
      for (let n = 0; n < 4; n++) {
        manager.setRegister(`key ${n}`, n);
        manager.flush();
      }
      await manager.close();
      const database = new Database(path);
      database.exec(change);
      database.close();

      expect(refusalOf(() => open(path))).toBeInstanceOf(StateFileCorruptError);
    }
  });

  it("is refused and left alone where it is of a newer format", async () => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    await makeFile(path);
    const database = new Database(path);
    database.pragma("user_version = 2");
    database.pragma("wal_checkpoint(TRUNCATE)");
    database.close();
    const bytes = readFileSync(path);

    expect(refusalOf(() => open(path))).toBeInstanceOf(StateFileTooNewError);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it.each([
    ["text", (path: string) => writeFileSync(path, "my diary\n".repeat(1_000))],
    ["a little text", (path: string) => writeFileSync(path, "x")],
    [
      "another program's database",
      (path: string) => {
        const database = new Database(path);
        database.exec("CREATE TABLE mine (x)");
        database.close();
      },
    ],
  ])("is refused and left alone where it is %s", async (_, make) => {
    await using dir = await tempDir();
    const path = dir.file("state.db");
    make(path);
    const bytes = readFileSync(path);

    expect(refusalOf(() => open(path))).toBeInstanceOf(StateFileNotOursError);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it("is refused and left alone where it is another plugin's", async () => {
    await using dir = await tempDir();
    await makeFile(dir.file("state.db"));
    const bytes = readFileSync(dir.file("state.db"));

    expect(refusalOf(() => open(dir.file("state.db"), "till"))).toBeInstanceOf(StateFileNotOursError);
    expect(readFileSync(dir.file("state.db")).equals(bytes)).toBe(true);
  });

  it("is refused where it is a folder, or its folder is not there", async () => {
    await using dir = await tempDir();

    expect(refusalOf(() => open(dir.path))).toBeInstanceOf(StateFileFailedError);
    expect(refusalOf(() => open(dir.file("no", "folder", "state.db")))).toBeInstanceOf(StateFileFailedError);
    expect(readdirSync(dir.path)).toEqual([]);
  });

  // The superuser may write everywhere, so another user tries.
  it.each(["missing", "there"])("is refused in a folder that is not to be written, where it is %s", async (state) => {
    await using dir = await tempDir();
    chmodSync(dir.path, 0o755);
    const folder = dir.file("folder");
    const path = dir.file("folder", "state.db");
    mkdirSync(folder);
    if (state === "there") await makeFile(path);
    const bytes = state === "there" ? readFileSync(path) : undefined;
    const isSuperuser = process.getuid?.() === 0;
    if (isSuperuser && state === "there") chownSync(path, 65_534, 65_534);
    if (state === "there") chmodSync(path, 0o400);
    chmodSync(folder, 0o555);

    const child = startProcess("open", path, isSuperuser ? { uid: 65_534 } : {});
    const [report] = (await once(child, "message")) as [StateProcessReport];
    await once(child, "close");

    expect(report).toMatchObject({ type: "refused", message: expect.stringContaining(path) });
    expect(report).toMatchObject({ code: "FILE_FAILED" });
    expect(readdirSync(folder)).toEqual(bytes ? ["state.db"] : []);
    expect(bytes && readFileSync(path)).toEqual(bytes);
    chmodSync(folder, 0o755);
  });
});

describe.runIf(canMount())("a disk that is full", () => {
  it("is said by `flushed` and an event; others hear nothing until there is room, and then nothing is missing", async () => {
    await using disk = await smallDisk(2);
    mkdirSync(disk.data);
    const replicas = new Replicas();
    const kept = replicas.add("kept", { persistence: sqlitePersistence(`${disk.data}/state.db`) });
    const other = replicas.add("other");
    kept.setRegister("before", 1);
    await kept.flushed();
    const troubles: unknown[] = [];
    kept.on("persistence-failed", ({ error }) => troubles.push(error));

    disk.fill();
    for (let n = 0; n < 10; n++) kept.setRegister(`key ${n}`, "x".repeat(20_000));
    kept.incrementCounter("c");
    await expect(kept.flushed()).rejects.toBeInstanceOf(StorageFullError);
    replicas.clock.advance(60_000);
    expect(troubles[0]).toBeInstanceOf(StorageFullError);
    expect(kept.getCounter("c")).toBe(1);
    expect(other.getCounter("c")).toBe(0);

    disk.empty();
    await kept.flushed();
    replicas.clock.advance(60_000);

    expect(viewOfState(other)).toEqual(viewOfState(kept));
    await kept.close();
    const again = open(`${disk.data}/state.db`);
    expect(viewOfState(again)).toEqual(viewOfState(other));
    await again.close();
  });
});
