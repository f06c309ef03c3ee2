import { DiffDocumentSchema, limit, type DiffDocument } from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { tempDir, type TempDir } from "@signalbox/testkit";
import { execFile, execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

import { BaseRepository } from "../src/diff/base-repository.ts";
import { DiffError } from "../src/diff/diff-error.ts";
import { WorkspaceDiff } from "../src/diff/workspace-diff.ts";
import type { CommandRunner } from "../src/workspace/git.ts";
import { makeRepository } from "./_support/git-repository.ts";

/** A workspace with a commit, real git beside it, and where its blobs go. */
class Bench implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>();
  readonly tree: string;
  readonly base: string;
  readonly diff: WorkspaceDiff;
  readonly #dir: TempDir;

  constructor(dir: TempDir, files: Record<string, string>, redact = (text: string) => text) {
    this.#dir = dir;
    const { path, commit } = makeRepository(dir, files, "tree");
    this.tree = path;
    this.base = commit;
    const directory = dir.file("base");
    const repository = new BaseRepository({ directory, tree: path, base: commit, commands: commandsIn(directory) });
    const put = async ({ sha256, open }: { sha256: string; open: () => AsyncIterable<Uint8Array> }): Promise<void> => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of open()) chunks.push(chunk);
      this.blobs.set(sha256, Buffer.concat(chunks));
    };
    this.diff = new WorkspaceDiff({ repository, base: commit, blobs: { put }, redact, stop: () => undefined });
  }

  write(path: string, text: string | Buffer): void {
    mkdirSync(dirname(join(this.tree, path)), { recursive: true });
    writeFileSync(join(this.tree, path), text);
  }

  git(...args: string[]): string {
    const identity = ["-c", "user.name=t", "-c", "user.email=t@t"];
    return execFileSync("git", ["-C", this.tree, ...identity, ...args], { encoding: "utf8" }).trim();
  }

  async take(
    pack = false,
  ): Promise<{ document: DiffDocument; tree: string; diffHash: string; pack: Buffer | undefined }> {
    const { snapshot } = await this.diff.take({ pack, signal: AbortSignal.timeout(20_000) });
    const document = DiffDocumentSchema.parse(JSON.parse(this.blobs.get(snapshot.document.sha256)?.toString() ?? ""));
    const { tree, diffHash } = snapshot;
    return { document, tree, diffHash, pack: this.blobs.get(snapshot.pack?.sha256 ?? "") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.diff[Symbol.asyncDispose]();
    await this.#dir[Symbol.asyncDispose]();
  }
}

/** Real git, without a sandbox: nothing but the command itself keeps the workspace's words from being obeyed. */
function commandsIn(cwd: string): CommandRunner {
  const plain = { PATH: process.env["PATH"], HOME: "/nonexistent" };
  return {
    isEnclosed: false,
    capture: ({ argv: [program = "", ...args], env }, maxBytes = 1_048_576) =>
      new Promise((resolve) => {
        const options = { cwd, env: { ...plain, ...env }, maxBuffer: 2 ** 30 } as const;
        execFile(program, args, options, (error, stdout, stderr) => {
          const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : null;
          const shown = Buffer.from(stdout).subarray(0, maxBytes).toString();
          resolve({ exitCode, signal: null, stdout: shown, stderr });
        });
      }),
  };
}

async function bench(files: Record<string, string> = { "a.txt": "one\ntwo\n" }, redact?: (text: string) => string) {
  return new Bench(await tempDir("signalbox-diff-"), files, redact);
}

const named = ({ files }: DiffDocument) => files.map(({ path, status }) => `${status} ${path}`);

describe("the diff of a workspace", () => {
  it("has what was changed, added and deleted, and neither what is ignored nor what is the same", async () => {
    await using at = await bench({ "a.txt": "one\ntwo\n", "b.txt": "b\n", "same.txt": "s\n", ".gitignore": "out/\n" });
    at.write("a.txt", "one\n2\n3\n");
    rmSync(join(at.tree, "b.txt"));
    at.write("new/c.txt", "c\n");
    at.write("out/big.bin", "no");

    const { document, diffHash } = await at.take();

    expect(document).toMatchObject({ v: 1, base: at.base, stats: { files: 3, added: 3, removed: 2 }, cut: null });
    expect(document.files).toEqual([
      { path: "a.txt", status: "modified", added: 2, removed: 1, isBinary: false },
      { path: "b.txt", status: "deleted", added: 0, removed: 1, isBinary: false },
      { path: "new/c.txt", status: "added", added: 1, removed: 0, isBinary: false },
    ]);
    expect(document.text).toContain("-two\n+2\n+3\n");
    expect(diffHash).toBe(sha256Hex(document.text));
  });

  it("is empty where nothing was changed", async () => {
    await using at = await bench();

    const { document, pack } = await at.take(true);

    expect(document).toMatchObject({ stats: { files: 0, added: 0, removed: 0 }, files: [], text: "" });
    expect(document.isRedacted).toBe(false);
    expect(pack).toBeUndefined();
  });

  it("has modes, links, binary files and files under new names, each as what it is", async () => {
    await using at = await bench({ "run.sh": "echo\n", "old.txt": "the same words\n", "link.txt": "x\n" });
    chmodSync(join(at.tree, "run.sh"), 0o755);
    rmSync(join(at.tree, "old.txt"));
    at.write("new.txt", "the same words\n");
    rmSync(join(at.tree, "link.txt"));
    symlinkSync("/etc/passwd", join(at.tree, "link.txt"));
    at.write("data.bin", Buffer.from([0, 1, 2, 0]));

    const { document } = await at.take();

    expect(named(document)).toEqual([
      "added data.bin",
      "modified link.txt",
      "added new.txt",
      "deleted old.txt",
      "modified run.sh",
    ]);
    expect(document.files[0]).toMatchObject({ isBinary: true, added: 0 });
    expect(document.text).toContain("old mode 100644\nnew mode 100755");
    expect(document.text).toContain("new file mode 120000");
    expect(document.text).toContain("+/etc/passwd");
    expect(document.text).not.toContain("root:");
  });

  it("is against the commit of the beginning, whatever the agent has committed, staged or put into .git", async () => {
    await using at = await bench();
    at.diff.begin();
    await at.take();
    at.write("a.txt", "one\ntwo\nthree\n");
    at.git("commit", "--quiet", "--all", "--message=mine");
    at.write("staged.txt", "s\n");
    at.git("add", "staged.txt");
    rmSync(join(at.tree, "staged.txt"));
    const index = at.git("diff", "--cached", "--name-status");

    const { document } = await at.take();

    expect(named(document)).toEqual(["modified a.txt"]);
    expect(at.git("diff", "--cached", "--name-status")).toBe(index);
    expect(existsSync(join(at.tree, ".git", "index.lock"))).toBe(false);
  });

  it("runs nothing that a workspace configures", async () => {
    await using at = await bench({ "a.txt": "one\n", "sub.txt": "x\n" });
    const mark = join(dirname(at.tree), "ran");
    const run = `sh -c 'echo ran >>${mark}; cat'`;
    const configure = (path: string): void => {
      const set = (key: string, value: string) => execFileSync("git", ["-C", path, "config", key, value]);
      for (const key of ["filter.x.clean", "filter.x.smudge", "diff.x.textconv", "diff.x.command", "diff.external"])
        set(key, run);
      set("core.fsmonitor", run);
      set("core.hooksPath", ".hooks");
    };
    configure(at.tree);
    at.write(".gitattributes", "* filter=x diff=x\n");
    at.write("a.txt", "two\n");
    // A repository inside, which asks nobody before it runs what it is told.
    const inner = join(at.tree, "inner");
    mkdirSync(inner);
    execFileSync("git", ["init", "--quiet", inner]);
    writeFileSync(join(inner, ".gitattributes"), "* filter=x\n");
    writeFileSync(join(inner, "f"), "f\n");
    execFileSync("git", ["-C", inner, "add", "--all"]);
    const identity = ["-c", "user.name=t", "-c", "user.email=t@t"];
    execFileSync("git", ["-C", inner, ...identity, "commit", "--quiet", "--message=i"]);
    configure(inner);
    writeFileSync(join(inner, "f"), "g\n");
    for (const folder of [".hooks", ".git/hooks"]) {
      at.write(`${folder}/post-index-change`, `#!/bin/sh\n${run}\n`);
      chmodSync(join(at.tree, folder, "post-index-change"), 0o755);
    }

    const first = await at.take();
    writeFileSync(join(inner, "f"), "h\n");
    at.write("a.txt", "three\n");
    const { document } = await at.take();

    expect(existsSync(mark)).toBe(false);
    expect(named(first.document)).toContain("added inner");
    expect(document.text).toContain("+three");
    expect(document.text).toMatch(/\+Subproject commit [0-9a-f]{40}/);
    // The same workspace does run it when git is asked there, so the test would see it.
    execFileSync("git", ["-C", at.tree, "status"], { stdio: "ignore" });
    expect(existsSync(mark)).toBe(true);
  });

  it("shows a file that calls itself binary, and hides no other", async () => {
    await using at = await bench();
    at.write(".gitattributes", "* -diff\n*.txt binary\n");
    at.write("a.txt", "evil\n");

    const { document } = await at.take();

    expect(document.text).toContain("+evil");
    expect(document.files.every(({ isBinary }) => !isBinary)).toBe(true);
  });

  it("cannot be told another base: an object with other content than its name says is not taken", async () => {
    await using at = await bench({ "a.txt": "true\n" });
    const blob = at.git("rev-parse", "HEAD:a.txt");
    at.write("fake", "fake\n");
    const fake = at.git("hash-object", "-w", "fake");
    const objects = join(at.tree, ".git", "objects");
    const path = (id: string) => join(objects, id.slice(0, 2), id.slice(2));
    chmodSync(path(blob), 0o600);
    execFileSync("cp", [path(fake), path(blob)]);
    at.write("a.txt", "fake\n");

    await expect(at.take()).rejects.toThrow(DiffError);
  });

  it("is cut at whole lines and by files where it is too long, and says so", async () => {
    await using at = await bench();
    const line = `${"x".repeat(99)}\n`;
    at.write("long.txt", line.repeat(limit("diff.bytes") / 100 + 1_000));
    for (let number = 0; number < limit("diff.files"); number += 1) at.write(`many/${number}`, "");

    const { document } = await at.take();

    expect(document.files).toHaveLength(limit("diff.files"));
    expect(document.cut).toEqual({ files: 1, isTextCut: true });
    expect(Buffer.byteLength(document.text)).toBeLessThanOrEqual(limit("diff.bytes"));
    expect(document.text.endsWith("\n")).toBe(true);
  });

  it("tells of special files as deletions, and of names with anything in them", async () => {
    await using at = await bench({ "a.txt": "one\n", "p.txt": "p\n" });
    rmSync(join(at.tree, "p.txt"));
    execFileSync("mkfifo", [join(at.tree, "p.txt")]);
    at.write("od\td\n\u001b[31m.txt", "x\n");

    const { document } = await at.take();

    expect(named(document)).toEqual(["added od\td\n\u001b[31m.txt", "deleted p.txt"]);
    expect(document.text).toContain('"b/od\\td\\n\\033[31m.txt"');
  });

  it("shows no secret of the step", async () => {
    await using at = await bench({ "a.txt": "one\n" }, (text) => text.replaceAll("s3cret", "[redacted]"));
    at.write("a.txt", "key=s3cret\n");

    const { document } = await at.take();

    expect(document.text).toContain("+key=[redacted]");
    expect(document.isRedacted).toBe(true);
  });

  it("comes with a pack that has all objects of the tree which the base has not", async () => {
    await using at = await bench({ "a.txt": "one\n", "deep/b.txt": "b\n" });
    at.write("deep/c.txt", "c\n");

    const { pack, tree } = await at.take(true);

    const clone = `${at.tree}-clone`;
    execFileSync("git", ["clone", "--quiet", at.tree, clone], { stdio: "ignore" });
    execFileSync("git", ["-C", clone, "index-pack", "--stdin"], { input: pack, stdio: ["pipe", "ignore", "ignore"] });
    const names = execFileSync("git", ["-C", clone, "ls-tree", "-r", "--name-only", tree], { encoding: "utf8" });
    expect(names).toBe("a.txt\ndeep/b.txt\ndeep/c.txt\n");
    expect(readdirSync(join(dirname(at.tree), "base")).filter((name) => name.endsWith(".pack"))).toEqual([]);
  });

  it("is the same tree again when what was changed is changed back", async () => {
    await using at = await bench();
    const first = await at.take();
    at.write("a.txt", "changed\n");
    const second = await at.take();
    at.write("a.txt", "one\ntwo\n");
    const third = await at.take();

    expect(second.tree).not.toBe(first.tree);
    expect(third.tree).toBe(first.tree);
  });
});
