import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "..", "src", "main.ts");

function run(environment: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return { child, ended: once(child, "exit").then(([code]) => code as number | null), text: () => text };
}

describe("the server as a program", () => {
  it.each([
    [{ SIGNALBOX_PORT: "x" }, "FATAL: SIGNALBOX_PORT must be a port\n"],
    [
      { SIGNALBOX_HOST: "0.0.0.0", SIGNALBOX_NO_AUTH: "1" },
      "FATAL: SIGNALBOX_NO_AUTH works on loopback only; SIGNALBOX_HOST is 0.0.0.0\n",
    ],
  ])("says in one line what is wrong with %j, and ends with 2", async (environment, line) => {
    const server = run(environment);

    expect([await server.ended, server.text()]).toEqual([2, line]);
  });

  it("ends in good order on SIGTERM", async () => {
    await using dir = await tempDir();
    const server = run({ SIGNALBOX_PORT: "0", SIGNALBOX_DATA_DIR: dir.file("data") });
    await eventually(() => server.text().includes(`"msg":"listening"`));
    const [, url] = /"urls":\["([^"]+)"/.exec(server.text()) ?? [];
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ ok: true, status: "ok" });

    server.child.kill("SIGTERM");

    expect(await server.ended).toBe(0);
    expect(server.text()).toContain(`"msg":"stopped"`);
  });

  it("says which program to look for when the port is taken, and ends with 2", async () => {
    await using dir = await tempDir();
    const first = run({ SIGNALBOX_PORT: "0", SIGNALBOX_DATA_DIR: dir.file("one") });
    await eventually(() => first.text().includes(`"msg":"listening"`));
    const [, port = ""] = /127\.0\.0\.1:(\d+)/.exec(first.text()) ?? [];

    const second = run({ SIGNALBOX_PORT: port, SIGNALBOX_DATA_DIR: dir.file("two") });

    expect([await second.ended, second.text()]).toEqual([
      2,
      "FATAL: the port is taken by another program; set SIGNALBOX_PORT\n",
    ]);
    first.child.kill("SIGTERM");
    await first.ended;
  });
});
