import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { StoreLockedError, StoreOpenError } from "../errors.ts";
import { openDataDirectory } from "./data-directory.ts";
import { OwnerLock } from "./owner-lock.ts";

const HOLDER = `
  import { openDataDirectory } from ${JSON.stringify(new URL("./data-directory.ts", import.meta.url).href)};
  import { OwnerLock } from ${JSON.stringify(new URL("./owner-lock.ts", import.meta.url).href)};
  OwnerLock.acquire(openDataDirectory(process.argv[1]));
  console.log("held");
  setInterval(() => {}, 1000);
`;

describe("OwnerLock", () => {
  it("refuses a second holder in the same process until the first lets go", async () => {
    await using dir = await tempDir();
    const directory = openDataDirectory(dir.file("data"));
    const first = OwnerLock.acquire(directory);

    expect(() => OwnerLock.acquire(directory)).toThrow(StoreLockedError);
    expect(() => OwnerLock.acquire(directory)).toThrow(`process ${process.pid}`);

    first[Symbol.dispose]();
    OwnerLock.acquire(directory)[Symbol.dispose]();
  });

  it("refuses while another process holds the folder, and is free when that is killed", async () => {
    await using dir = await tempDir();
    const directory = openDataDirectory(dir.file("data"));
    const holder = spawn(process.execPath, ["--input-type=module-typescript", "-e", HOLDER, directory.path]);
    await once(holder.stdout, "data");

    expect(() => OwnerLock.acquire(directory)).toThrow(`in use by process ${holder.pid}`);

    holder.kill("SIGKILL");
    await once(holder, "close");
    OwnerLock.acquire(directory)[Symbol.dispose]();
  });
});

describe("openDataDirectory", () => {
  it("makes a folder that only its owner can enter", async () => {
    await using dir = await tempDir();

    const { path } = openDataDirectory(dir.file("a", "b"));

    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it("closes an empty folder to others, and refuses one that holds other things", async () => {
    await using dir = await tempDir();
    for (const name of ["empty", "used"]) {
      await mkdir(dir.file(name));
      await chmod(dir.file(name), 0o755);
    }
    await writeFile(dir.file("used", "letter.txt"), "");

    openDataDirectory(dir.file("empty"));

    expect(statSync(dir.file("empty")).mode & 0o777).toBe(0o700);
    expect(() => openDataDirectory(dir.file("used"))).toThrow(StoreOpenError);
    expect(statSync(dir.file("used")).mode & 0o777).toBe(0o755);
  });
});
