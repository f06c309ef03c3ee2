import type { WorkspaceChanges, WorkspaceEntry, WorkspaceManifest } from "@signalbox/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { mergeWorkspace } from "./merge-workspace.ts";

const COMMIT = "c".repeat(40);

function entry(path: string, content: string, executable = false): WorkspaceEntry {
  return { path, sha256: content.padEnd(64, "0"), bytes: content.length, executable };
}

/** A workspace out of `{ path: content }`. */
function workspace(
  files: Readonly<Record<string, string>>,
  commit: string | null = null,
  deleted: string[] = [],
): WorkspaceManifest {
  const entries = Object.entries(files).map(([path, content]) => entry(path, content));
  return { v: 1, commit, files: entries.toSorted((a, b) => (a.path < b.path ? -1 : 1)), deleted };
}

/** What was changed: `{ path: content }`, null for a deletion. */
function changes(files: Readonly<Record<string, string | null>>, commit: string | null = null): WorkspaceChanges {
  const all = Object.entries(files);
  return {
    v: 1,
    commit,
    truncated: false,
    written: all.flatMap(([path, content]) => (content === null ? [] : [entry(path, content)])),
    deleted: all.flatMap(([path, content]) => (content === null ? [path] : [])),
  };
}

function merged(base: WorkspaceManifest, current: WorkspaceManifest, made: WorkspaceChanges): WorkspaceManifest {
  const merge = mergeWorkspace(base, current, made);
  if (merge.kind === "conflict") throw new Error(`conflict: ${merge.paths.join()}`);
  return merge.manifest;
}

describe("mergeWorkspace", () => {
  it("writes and deletes what an attempt wrote and deleted", () => {
    const base = workspace({ a: "1", b: "2" });

    expect(merged(base, base, changes({ a: "new", b: null, c: "3" }))).toEqual(workspace({ a: "new", c: "3" }));
  });

  it("keeps what another step did meanwhile", () => {
    const base = workspace({ a: "1", b: "2" });
    const current = workspace({ a: "1", c: "theirs" });

    expect(merged(base, current, changes({ a: "mine" }))).toEqual(workspace({ a: "mine", c: "theirs" }));
  });

  it.each([
    ["the same file written differently", { a: "theirs" }, { a: "mine" }],
    ["a file written here and deleted there", {}, { a: "mine" }],
    ["a file deleted here and written there", { a: "theirs" }, { a: null }],
    ["the same new file made differently", { a: "1", n: "theirs" }, { n: "mine" }],
  ])("finds a conflict in %s", (_, current, made) => {
    const paths = Object.keys(made);

    expect(mergeWorkspace(workspace({ a: "1" }), workspace(current), changes(made))).toEqual({
      kind: "conflict",
      paths,
    });
  });

  it("tells a change of the executable bit from none", () => {
    const current = { ...workspace({}), files: [entry("a", "1", true)] };

    expect(mergeWorkspace(workspace({ a: "1" }), current, changes({ a: "2" })).kind).toBe("conflict");
  });

  it.each([
    ["wrote the same", { a: "new" }, { a: "new" }],
    ["deleted the same", {}, { a: null }],
  ])("finds none where both %s", (_, current, made) => {
    expect(merged(workspace({ a: "1" }), workspace(current), changes(made))).toEqual(workspace(current));
  });

  it("remembers deletions where a commit lies underneath, and takes them back when the file comes again", () => {
    const base = workspace({}, COMMIT);

    const without = merged(base, base, changes({ a: null }, COMMIT));
    const again = merged(without, without, changes({ a: "1" }, COMMIT));

    expect(without).toEqual(workspace({}, COMMIT, ["a"]));
    expect(again).toEqual(workspace({ a: "1" }, COMMIT));
  });

  it("takes the commit that the first step found, and merges steps that began before it was known", () => {
    const nothing = workspace({});

    const first = merged(nothing, nothing, changes({ a: "1" }, COMMIT));
    const second = merged(nothing, first, changes({ b: "2", c: null }, COMMIT));

    expect(second).toEqual(workspace({ a: "1", b: "2" }, COMMIT, ["c"]));
  });

  it("finds a conflict where two steps began from different commits", () => {
    const current = workspace({ a: "1" }, COMMIT);

    expect(mergeWorkspace(workspace({}), current, changes({ b: "2" }, "d".repeat(40)))).toEqual({
      kind: "conflict",
      paths: ["b"],
    });
  });

  it("comes to the same in either order for changes of different files", () => {
    const files = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.constantFrom("1", "2", "3"));
    const made = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.constantFrom("1", "2", "3", null));
    const commit = fc.constantFrom(null, COMMIT);

    fc.assert(
      fc.property(files, made, made, commit, (start, mine, theirs, at) => {
        const base = workspace(start, at);
        const ours = changes(
          Object.fromEntries(Object.entries(mine).filter(([path]) => !Object.hasOwn(theirs, path))),
          at,
        );
        const others = changes(theirs, at);

        expect(merged(base, merged(base, base, ours), others)).toEqual(merged(base, merged(base, base, others), ours));
      }),
    );
  });

  it("applied twice comes to the same as once", () => {
    const made = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2", null));

    fc.assert(
      fc.property(made, fc.constantFrom(null, COMMIT), (some, at) => {
        const base = workspace({ a: "1", z: "9" }, at);
        const once = merged(base, base, changes(some, at));

        expect(merged(base, once, changes(some, at))).toEqual(once);
      }),
    );
  });
});
