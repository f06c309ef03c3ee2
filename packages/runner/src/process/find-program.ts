import { access, constants, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { SpawnError } from "./spawn-error.ts";

/**
 * Where a program is: a name with a slash is a path from `cwd`, another is looked for along `searchPath`. Throws
 * `SpawnError`: `missing_dependency` when it is nowhere, `permission_error` when it is there but may not be run.
 */
export async function findProgram(program: string, searchPath: string, cwd: string): Promise<string> {
  const candidates = program.includes("/")
    ? [resolve(cwd, program)]
    : searchPath
        .split(":")
        .filter(isAbsolute)
        .map((directory) => join(directory, program));
  const found = await Promise.all(candidates.map(readFileMode));
  const runnable = candidates[found.indexOf("runnable")];
  if (runnable) return runnable;
  if (found.includes("refused")) throw new SpawnError("permission_error", `cannot start ${program}: not permitted`);
  throw new SpawnError(
    "missing_dependency",
    `cannot start ${program}: no such program in ${searchPath || "an empty PATH"}`,
  );
}

async function readFileMode(path: string): Promise<"runnable" | "refused" | "absent"> {
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (!isFile) return "absent";
  return access(path, constants.X_OK).then(
    () => "runnable" as const,
    () => "refused" as const,
  );
}
