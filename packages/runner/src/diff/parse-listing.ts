import type { DiffFile, DiffStats } from "@signalbox/protocol";

/** What of a workspace differs, by file and in sum. */
export interface Listing {
  readonly files: readonly DiffFile[];
  readonly stats: DiffStats;
}

const STATUS: Readonly<Record<string, DiffFile["status"]>> = { A: "added", D: "deleted" };

/** Reads `git diff-tree --raw --numstat -z`: a status for every file, then its lines; `-` stands for those of a binary one. */
export function parseListing(listing: string): Listing {
  const files = new Map<string, DiffFile>();
  const parts = listing.split("\0").filter(Boolean).values();
  for (const part of parts) {
    if (part.startsWith(":")) {
      const path = parts.next().value ?? "";
      files.set(path, { path, status: STATUS[part.at(-1) ?? ""] ?? "modified", added: 0, removed: 0, isBinary: false });
      continue;
    }
    const [added = "", removed = "", ...rest] = part.split("\t");
    const path = rest.join("\t");
    const file = files.get(path);
    if (file) files.set(path, { ...file, ...linesOf(added, removed) });
  }
  const all = [...files.values()];
  const sum = (of: (file: DiffFile) => number): number => all.reduce((total, file) => total + of(file), 0);
  return {
    files: all,
    stats: { files: all.length, added: sum(({ added }) => added), removed: sum(({ removed }) => removed) },
  };
}

function linesOf(added: string, removed: string): Pick<DiffFile, "added" | "removed" | "isBinary"> {
  if (added === "-") return { added: 0, removed: 0, isBinary: true };
  return { added: Number(added), removed: Number(removed), isBinary: false };
}
