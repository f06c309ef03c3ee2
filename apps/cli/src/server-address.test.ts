import { writeFile } from "node:fs/promises";

import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { readEnvironment } from "./config.ts";
import { CommandError } from "./errors.ts";
import { resolveServer } from "./server-address.ts";

describe("resolveServer", () => {
  it("takes the command line, else the environment, else this machine", () => {
    const named = readEnvironment({ SIGNALBOX_URL: "https://signalbox.example/base/" });

    expect(resolveServer({ server: "build-1:8080" }, named).url).toBe("http://build-1:8080");
    expect(resolveServer({}, named).url).toBe("https://signalbox.example/base");
    expect(resolveServer({}, readEnvironment({ SIGNALBOX_PORT: "3001" })).url).toBe("http://127.0.0.1:3001");
    expect(resolveServer({}, readEnvironment({})).url).toBe("http://127.0.0.1:3000");
  });

  it.each(["ftp://host", "http://me:secret@host", "http://"])("refuses %s", (server) => {
    expect(() => resolveServer({ server }, readEnvironment({}))).toThrow(CommandError);
  });

  it("gives the token of this machine's server to this machine only", async () => {
    await using dir = await tempDir();
    await writeFile(dir.file("admin-token"), "sbx_local\n");
    const environment = readEnvironment({ SIGNALBOX_DATA_DIR: dir.path });
    const tokenFor = (server: string) => resolveServer({ server }, environment).token();

    expect(await tokenFor("http://127.0.0.1:3000")).toBe("sbx_local");
    expect(await tokenFor("http://[::1]:3000")).toBe("sbx_local");
    expect(await tokenFor("http://localhost:3000")).toBe("sbx_local");
    expect(await tokenFor("https://signalbox.example")).toBeUndefined();
    expect(await tokenFor("http://127.0.0.1.evil.example")).toBeUndefined();
  });

  it("prefers a token that was named, wherever the server is", async () => {
    const environment = readEnvironment({ SIGNALBOX_TOKEN: "sbx_named" });

    expect(await resolveServer({ server: "https://signalbox.example" }, environment).token()).toBe("sbx_named");
    expect(await resolveServer({ token: "sbx_typed" }, environment).token()).toBe("sbx_typed");
  });
});
