import { createHash } from "node:crypto";
import { symlink } from "node:fs/promises";
import { readdir, readFile, writeFile } from "node:fs/promises";

import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { AT, details } from "./_support/canned.ts";
import { fakeApi, type Answer } from "./_support/fake-api.ts";
import { signalbox } from "./_support/run-signalbox.ts";

const CONTENT = "hello\n\u001b[2J漢\n";
const SHA = createHash("sha256").update(CONTENT).digest("hex");

const content: Answer = (_, response) =>
  void response.writeHead(200, { "content-type": "application/octet-stream" }).end(CONTENT);

function aWorkspace(paths: readonly string[], sha256 = SHA) {
  return fakeApi({
    "GET /runs/:id/files": () => ({
      runId: "run_1",
      files: paths.map((path) => ({ path, bytes: 16, type: "text", sha256 })),
    }),
    "GET /runs/:id/files/*": content,
  });
}

describe("signalbox files", () => {
  it("lists files, and prints one as it is into a pipe", async () => {
    await using api = await aWorkspace(["src/a b.txt"]);

    const list = await signalbox(["files", "run_1", "--server", api.url]);
    const printed = await signalbox(["files", "run_1", "src/a b.txt", "--server", api.url]);

    expect(list.stdout).toBe("PATH         SIZE  TYPE\nsrc/a b.txt  16 B  text\n");
    expect(printed.stdout).toBe(CONTENT);
    expect(api.heard.at(-1)?.path).toBe("/runs/run_1/files/src/a%20b.txt");
  });

  it("fetches files into a folder, and writes over nothing without --force", async () => {
    await using api = await aWorkspace(["src/a.txt", "b.txt"]);
    await using dir = await tempDir();

    const first = await signalbox(["files", "run_1", "--to", "out", "--server", api.url], { cwd: dir.path });
    const second = await signalbox(["files", "run_1", "--to", "out", "--server", api.url], { cwd: dir.path });
    const forced = await signalbox(["files", "run_1", "--to", "out", "--force", "--server", api.url], {
      cwd: dir.path,
    });

    expect([first.code, first.stdout]).toEqual([0, "out/src/a.txt\nout/b.txt\n"]);
    expect(await readFile(dir.file("out/src/a.txt"), "utf8")).toBe(CONTENT);
    expect([second.code, second.stderr]).toEqual([
      1,
      expect.stringContaining("is there already\n  --force writes over it"),
    ]);
    expect(forced.code).toBe(0);
  });

  it.each(["../../tokens", "/etc/passwd", "a/../../b"])(
    "neither asks for %s elsewhere nor leaves the folder for it",
    async (path) => {
      await using api = await aWorkspace([path]);
      await using dir = await tempDir();

      const { code } = await signalbox(["files", "run_1", "--to", "out", "--server", api.url], { cwd: dir.path });

      expect(code).not.toBe(0);
      expect(api.heard.every((heard) => heard.path.startsWith("/runs/run_1/files"))).toBe(true);
      expect(await readdir(dir.path)).toEqual([]);
    },
  );

  it("does not leave the folder through a link that is there", async () => {
    await using api = await aWorkspace(["link/passwd"]);
    await using dir = await tempDir();
    await using elsewhere = await tempDir();
    await symlink(elsewhere.path, dir.file("link"));

    const { code } = await signalbox(["files", "run_1", "--to", ".", "--server", api.url], { cwd: dir.path });

    expect(code).toBe(1);
    expect(await readdir(elsewhere.path)).toEqual([]);
  });

  it("keeps nothing of a file that is not what was announced", async () => {
    await using api = await aWorkspace(["a.txt"], "00".repeat(32));
    await using dir = await tempDir();

    const { code, stderr } = await signalbox(["files", "run_1", "--to", "out", "--server", api.url], { cwd: dir.path });

    expect([code, stderr]).toEqual([1, expect.stringContaining("is not what was announced")]);
    expect(await readdir(dir.file("out"))).toEqual([]);
  });
});

describe("signalbox artifacts", () => {
  const artifact = {
    id: "art_1",
    runId: "run_1",
    step: "report",
    type: "document",
    kind: "markdown",
    path: "report.md",
    bytes: 16,
    sha256: SHA,
    createdAt: AT,
  };

  it("do not leave the folder", async () => {
    await using api = await fakeApi({
      "GET /runs/:id": () => details({ artifacts: [{ ...artifact, path: "../out/of/it" }] }),
      "GET /artifacts/:id/content": content,
    });
    await using dir = await tempDir();

    const { code, stderr } = await signalbox(["artifacts", "run_1", "--to", "in", "--server", api.url], {
      cwd: dir.path,
    });

    expect([code, stderr]).toEqual([1, "signalbox: ../out/of/it would be outside of the folder; it is not fetched\n"]);
    expect(await readdir(dir.path)).toEqual([]);
  });

  it("lists those of a run, prints one, and fetches them", async () => {
    await using api = await fakeApi({
      "GET /runs/:id": () => details({ artifacts: [artifact] }),
      "GET /artifacts/:id": () => artifact,
      "GET /artifacts/:id/content": content,
    });
    await using dir = await tempDir();

    const list = await signalbox(["artifacts", "run_1", "--server", api.url]);
    const printed = await signalbox(["artifacts", "art_1", "--server", api.url]);
    const fetched = await signalbox(["artifacts", "run_1", "--to", ".", "--json", "--server", api.url], {
      cwd: dir.path,
    });

    expect(list.stdout).toContain("art_1     document  16 B  report  report.md");
    expect(printed.stdout).toBe(CONTENT);
    expect(JSON.parse(fetched.stdout)).toEqual({ success: true, data: { saved: ["report.md"] } });
    expect(await readFile(dir.file("report.md"), "utf8")).toBe(CONTENT);
  });
});

describe("signalbox doctor", () => {
  it("says what must be mended, and exits with 1", async () => {
    await using api = await fakeApi({ "GET /limits": () => ({}), "GET /runs": () => ({ items: [] }) });
    await using dir = await tempDir();
    await writeFile(dir.file("admin-token"), "secret", { mode: 0o644 });

    const { code, stdout } = await signalbox(["doctor", "--server", api.url], {
      env: { SIGNALBOX_DATA_DIR: dir.path },
    });

    expect(stdout).toMatch(/^ok {4}node /m);
    expect(stdout).toContain(
      `fail  token file  ${dir.file("admin-token")} has mode 0644\n                  others can read it: chmod 600 ${dir.file("admin-token")}\n`,
    );
    expect(stdout).toContain(`ok    server      answers at ${api.url}`);
    expect(stdout).toContain("ok    token       the server accepts it");
    expect(code).toBe(1);
  });

  it("is one document with --json", async () => {
    const { code, stdout } = await signalbox(["doctor", "--json", "--server", "http://127.0.0.1:1"]);

    expect(JSON.parse(stdout)).toMatchObject({
      success: true,
      data: {
        findings: expect.arrayContaining([
          {
            name: "server",
            state: "fail",
            found: "nothing answers at http://127.0.0.1:1",
            advice: expect.any(String) as string,
          },
        ]) as unknown,
      },
    });
    expect(code).toBe(1);
  });
});

describe("signalbox", () => {
  it("shows its commands and exit codes", async () => {
    const { code, stdout } = await signalbox(["--help"]);

    expect(code).toBe(0);
    expect(stdout).toContain("start a run and watch it");
    expect(stdout).toContain("  5    The server cannot be reached.");
  });

  it.each([
    [["rnus"], "unknown command 'rnus'; did you mean runs?"],
    [["runs", "--sttus", "x"], "unknown option '--sttus'; did you mean --status?"],
    [["cancel"], "missing required argument 'run'"],
    [["run"], "nothing to run\n  give one of: a plan file, --prompt, --command, --instructions"],
    [["run", "-c", "x", "--quality"], "--quality goes with --prompt only"],
    [
      ["runs", "--server", "ftp://x"],
      '"ftp://x" is no address of a server\n  an address looks like http://127.0.0.1:3000',
    ],
  ])("exits with 2 on %j, in one line and what to do", async (args, words) => {
    const { code, stdout, stderr } = await signalbox(args);

    expect([code, stdout, stderr]).toEqual([2, "", `signalbox: ${words}\n`]);
  });
});
