import type { CheckPlan, ProjectFiles } from "./gate-plan.ts";

export type PackageManager = "pnpm" | "yarn" | "bun" | "npm";

/** By its lock file, in this order where there are several. */
const LOCK_FILES: readonly (readonly [file: string, manager: PackageManager])[] = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
];

/** The package manager that a project's lock file shows; npm where there is none. */
export function packageManagerOf({ names }: ProjectFiles): PackageManager {
  return LOCK_FILES.find(([file]) => names.has(file))?.[1] ?? "npm";
}

/** The lock file that there is. */
export function lockFileOf({ names }: ProjectFiles): string | undefined {
  return LOCK_FILES.find(([file]) => names.has(file))?.[0];
}

/** What `npm init` writes: a script that only says that there are no tests. */
const NO_TEST = /no test specified/;

/** The first of these scripts that the project defines, run by its package manager. */
export function planScript(files: ProjectFiles, scripts: readonly string[]): CheckPlan {
  const defined = files.manifest?.scripts ?? {};
  const script = scripts.find(
    (name) => defined[name] !== undefined && defined[name].trim() !== "" && !NO_TEST.test(defined[name]),
  );
  if (script === undefined) return { lookedFor: `a script ${scripts.join(", ")} in package.json` };
  return { commands: [[packageManagerOf(files), "run", script]], because: `package.json defines the script ${script}` };
}

/** A program that the project has installed for itself. */
export function localProgram(files: ProjectFiles, name: string): string | undefined {
  return files.localPrograms.has(name) ? `node_modules/.bin/${name}` : undefined;
}
