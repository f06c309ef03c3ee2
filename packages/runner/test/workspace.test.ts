import {
  canonicalJson,
  WorkspaceChangesSchema,
  type WorkspaceChanges,
  type WorkspaceManifest,
} from "@signalbox/protocol";
import { sha256Hex } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { makeRepository } from "./_support/git-repository.ts";
import { startFleet, type Fleet } from "./_support/fleet.ts";
import { shell, type GrantInput } from "./_support/grants.ts";

/** Runs a shell text as a step; answers what it changed. */
async function step(fleet: Fleet, text: string, input: GrantInput = {}) {
  const attempt = fleet.fake.offer(shell(text, input));
  const result = await fleet.fake.resultOf(attempt);
  await eventually(() => fleet.runner.status().attempts.length === 0);
  return { attempt, result, changes: changesOf(fleet, result.changes?.sha256), out: fleet.fake.text(attempt) };
}

function changesOf(fleet: Fleet, sha256: string | undefined): WorkspaceChanges | undefined {
  const blob = sha256 === undefined ? undefined : fleet.fake.blobs.get(sha256);
  return blob && WorkspaceChangesSchema.parse(JSON.parse(blob.toString()));
}

function manifestOf(fleet: Fleet, files: Record<string, string>, more: Partial<WorkspaceManifest> = {}): string {
  const entries = Object.entries(files).map(([path, text]) => ({
    path,
    sha256: fleet.fake.putBlob(text),
    bytes: Buffer.byteLength(text),
    executable: false,
  }));
  return fleet.fake.putBlob(canonicalJson({ v: 1, commit: null, files: entries, deleted: [], ...more }));
}

const copiesOf = (fleet: Fleet, runId: string): string[] => {
  const folder = fleet.dir.file("data", "workspaces", runId);
  return existsSync(folder) ? readdirSync(folder) : [];
};

describe("an empty workspace", () => {
  it("gives what the step wrote, by content", async () => {
    await using fleet = await startFleet();

    const { changes, result } = await step(
      fleet,
      "mkdir -p a/b; echo one > a/b/one.txt; printf two > two; chmod +x two; mkdir node_modules; echo x > node_modules/x",
    );

    expect(changes).toEqual({
      v: 1,
      commit: null,
      written: [
        { path: "a/b/one.txt", sha256: sha256Hex("one\n"), bytes: 4, executable: false },
        { path: "two", sha256: sha256Hex("two"), bytes: 3, executable: true },
      ],
      deleted: [],
      truncated: false,
    });
    expect(result.changes?.files).toBe(2);
    expect(fleet.fake.blobs.get(sha256Hex("one\n"))?.toString()).toBe("one\n");
  });

  it("says nothing of changes when there are none, or when the step failed", async () => {
    await using fleet = await startFleet();

    expect((await step(fleet, "true")).result.changes).toBeUndefined();
    expect((await step(fleet, "echo x > x; exit 1")).result.changes).toBeUndefined();
  });

  it("keeps what the step declares as artifacts, in folders too, also when it failed", async () => {
    await using fleet = await startFleet();

    const { result } = await step(fleet, "mkdir out; echo 1 > out/1; echo 2 > out/2; echo r > report.md; exit 1", {
      envelope: { artifacts: ["report.md", "out", "absent"] },
    });

    expect(result.artifacts.map(({ path }) => path)).toEqual(["out/1", "out/2", "report.md"]);
    for (const { sha256 } of result.artifacts) expect(fleet.fake.blobs.has(sha256)).toBe(true);
  });

  it("sends blobs again until the control plane takes them", async () => {
    await using fleet = await startFleet();
    fleet.fake.failingBlobs = 3;

    const { changes } = await step(fleet, "echo x > x");

    expect(changes?.written).toHaveLength(1);
    expect(fleet.fake.failingBlobs).toBe(0);
  });
});

describe("a hostile workspace", () => {
  it("gives away nothing outside itself and waits for nothing", async () => {
    await using fleet = await startFleet();
    writeFileSync(fleet.dir.file("secret"), "top secret");
    const outside = fleet.dir.file("secret");
    const text = [
      `ln -s ${outside} link`,
      `ln -s ${fleet.dir.path} folder`,
      "mkfifo pipe",
      `ln ${outside} hard`,
      "mkdir d; ln -s ../link d/again",
      "printf 'a' > \"$(printf 'new\\nline')\"",
      "printf 'a' > 'back\\slash'",
      "printf 'a' > \"$(printf 'bad\\377name')\"",
      "printf 'a' > '-rf'; printf 'a' > ' space '; printf 'a' > '$(touch pwned)'; printf 'a' > 'ünïcode'",
    ].join("; ");
    const envelope = {
      sandbox: "none" as const,
      artifacts: ["link", "folder/secret", "folder", "pipe", "hard", "d/again"],
    };

    const { changes, result } = await step(fleet, text, { envelope });

    expect(result.outcome).toBe("succeeded");
    expect(changes?.written.map(({ path }) => path)).toEqual([" space ", "$(touch pwned)", "-rf", "ünïcode"]);
    expect(result.artifacts).toEqual([]);
    expect(fleet.fake.blobs.has(sha256Hex("top secret"))).toBe(false);
  });

  it("cannot make the runner write through a link when it lays out a manifest", async () => {
    await using fleet = await startFleet({ policy: { allowFileRepositories: true } });
    const repo = makeRepository(fleet.dir, { "README.md": "hi\n" });
    const { execFileSync } = await import("node:child_process");
    execFileSync("sh", [
      "-c",
      `cd ${repo.path} && ln -s ${fleet.dir.path} escape && git add escape && git -c user.name=t -c user.email=t@t commit -qm link`,
    ]);
    const baseManifest = manifestOf(fleet, { "escape/owned": "x" });

    const { result } = await step(fleet, "cat escape/owned", { envelope: { repo: { url: repo.url }, baseManifest } });

    expect(result.outcome).toBe("succeeded");
    expect(existsSync(fleet.dir.file("owned"))).toBe(false);
  });
});

describe("a workspace from a repository", () => {
  const open = () => startFleet({ policy: { allowFileRepositories: true } });

  it("is at the commit, and gives what differs from it", async () => {
    await using fleet = await open();
    const repo = makeRepository(fleet.dir, {
      "a.txt": "a\n",
      "b.txt": "b\n",
      "c.txt": "c\n",
      ".gitignore": "*.log\nbuild/\n",
    });

    const { changes, out } = await step(
      fleet,
      "git log --oneline | wc -l; cat a.txt; echo changed > a.txt; rm b.txt; touch c.txt; echo new > new.txt; echo l > x.log; mkdir build; echo o > build/o",
      { envelope: { repo: { url: repo.url } } },
    );

    expect(out).toBe("1\na\n");
    expect(changes).toMatchObject({ commit: repo.commit, deleted: ["b.txt"], truncated: false });
    expect(changes?.written.map(({ path }) => path)).toEqual(["a.txt", "new.txt"]);
  });

  it("stays at a commit that is named, though the branch has moved on", async () => {
    await using fleet = await open();
    const repo = makeRepository(fleet.dir, { "a.txt": "old\n" });
    const newer = makeRepository(fleet.dir, { "a.txt": "new\n" });
    expect(newer.commit).not.toBe(repo.commit);

    const { out } = await step(fleet, "cat a.txt; git rev-parse HEAD", {
      envelope: { repo: { url: repo.url, commit: repo.commit } },
    });

    expect(out).toBe(`old\n${repo.commit}\n`);
  });

  it("runs none of the repository's own hooks or monitors outside the sandbox", async () => {
    await using fleet = await open();
    const repo = makeRepository(fleet.dir, { "a.txt": "a\n" });
    const evil = `printf '[core]\\n\\tfsmonitor = touch ${fleet.dir.path}/owned; false\\n' >> .git/config; echo b > b.txt`;

    const { changes } = await step(fleet, evil, { envelope: { repo: { url: repo.url } } });

    expect(changes?.written.map(({ path }) => path)).toEqual(["b.txt"]);
    expect(existsSync(fleet.dir.file("owned"))).toBe(false);
  });

  it("fails as workspace_unavailable when it cannot be cloned", async () => {
    await using fleet = await open();

    const { result } = await step(fleet, "true", { envelope: { repo: { url: `file://${fleet.dir.path}/nothing` } } });

    expect(result).toMatchObject({ outcome: "failed" });
    expect(["workspace_unavailable", "runtime_error"]).toContain(result.reason);
  });
});

describe("the workspaces of one run", () => {
  const runId = "run_shared";

  it("are used again in place by the step that begins where the last one ended", async () => {
    await using fleet = await startFleet();
    const first = await step(fleet, "echo one > one; mkdir node_modules; echo kept > node_modules/kept", {
      envelope: { runId },
    });
    const baseManifest = fleet.fake.putBlob(
      canonicalJson({ v: 1, commit: null, files: first.changes?.written ?? [], deleted: [] }),
    );

    const second = await step(fleet, "cat one node_modules/kept; echo two > two", {
      envelope: { runId, baseManifest },
    });

    expect(second.out).toBe("one\nkept\n");
    expect(second.changes?.written.map(({ path }) => path)).toEqual(["two"]);
    expect(copiesOf(fleet, runId)).toEqual(["1"]);
  });

  it("are found by content when the manifest is spelled otherwise", async () => {
    await using fleet = await startFleet();
    const first = await step(fleet, "echo one > one; mkdir node_modules; echo kept > node_modules/kept", {
      envelope: { runId },
    });
    const baseManifest = fleet.fake.putBlob(
      JSON.stringify({ deleted: [], v: 1, files: first.changes?.written ?? [], commit: null }, null, 2),
    );

    const second = await step(fleet, "cat node_modules/kept", { envelope: { runId, baseManifest } });

    expect(second.out).toBe("kept\n");
  });

  it("begin from the base again after an attempt that failed", async () => {
    await using fleet = await startFleet();
    const baseManifest = manifestOf(fleet, { "a.txt": "base" });
    await step(fleet, "cat a.txt; echo dirty > a.txt; echo more > more; exit 1", { envelope: { runId, baseManifest } });

    const retry = await step(fleet, "cat a.txt; ls", { envelope: { runId, baseManifest } });

    expect(retry.out).toBe("basea.txt\n");
  });

  it("are laid out from the manifest on a machine that has never seen the run", async () => {
    await using fleet = await startFleet();
    const baseManifest = manifestOf(fleet, { "deep/er/file": "content", top: "t" });

    const { changes, out } = await step(fleet, "cat deep/er/file; rm top; echo changed > deep/er/file", {
      envelope: { baseManifest },
    });

    expect(out).toBe("content");
    expect(changes).toMatchObject({ deleted: ["top"], written: [{ path: "deep/er/file" }] });
  });

  it("are separate for two steps side by side", async () => {
    await using fleet = await startFleet();
    const baseManifest = manifestOf(fleet, { shared: "s" });
    const text = (mine: string) =>
      `echo ${mine} > ${mine}; while ! [ -e done ]; do sleep 0.02; ls | wc -l > count; [ "$(cat shared)" = s ] && touch done; done; sleep 0.3; ls`;

    const attempts = ["left", "right"].map((mine) =>
      fleet.fake.offer(shell(text(mine), { envelope: { runId, baseManifest } })),
    );
    await Promise.all(attempts.map((attempt) => fleet.fake.resultOf(attempt)));

    expect(attempts.map((attempt) => fleet.fake.text(attempt))).toEqual([
      "count\ndone\nleft\nshared\n",
      "count\ndone\nright\nshared\n",
    ]);
  });

  it("survive a restart of the runner", async () => {
    await using fleet = await startFleet();
    const first = await step(fleet, "echo one > one; mkdir node_modules; echo kept > node_modules/kept", {
      envelope: { runId },
    });
    const baseManifest = fleet.fake.putBlob(
      canonicalJson({ v: 1, commit: null, files: first.changes?.written ?? [], deleted: [] }),
    );

    await fleet.restart();
    await eventually(() => fleet.runner.status().isConnected);
    const second = await step(fleet, "cat node_modules/kept; echo one > one; echo two > two", {
      envelope: { runId, baseManifest },
    });

    expect(second.out).toBe("kept\n");
    expect(second.changes?.written.map(({ path }) => path)).toEqual(["two"]);
  });

  it("refuse a manifest whose content is not what its name says", async () => {
    await using fleet = await startFleet();
    const baseManifest = manifestOf(fleet, { a: "a" });
    fleet.fake.blobs.set(baseManifest, Buffer.from(canonicalJson({ v: 1, commit: null, files: [], deleted: [] })));

    const { result } = await step(fleet, "true", { envelope: { baseManifest } });

    expect(result).toMatchObject({ outcome: "failed", reason: "workspace_unavailable" });
  });

  it("go when they are old, and never while they are used", async () => {
    await using fleet = await startFleet({ workspaces: { maxAgeMs: 0 } });
    const busy = fleet.fake.offer(shell("echo up; sleep 60", { envelope: { runId: "run_busy" } }));
    await eventually(() => fleet.fake.text(busy) === "up\n");

    await step2(fleet);

    await eventually(() => copiesOf(fleet, "run_old").length === 0);
    expect(copiesOf(fleet, "run_busy")).toEqual(["1"]);
  });
});

async function step2(fleet: Fleet): Promise<void> {
  for (const text of ["true", "true"]) {
    const attempt = fleet.fake.offer(shell(text, { envelope: { runId: "run_old" } }));
    await fleet.fake.resultOf(attempt);
  }
}
