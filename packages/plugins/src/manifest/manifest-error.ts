import { PluginError } from "../errors.ts";
import { limit } from "../limits.ts";
import { printableName } from "../printable.ts";

/** One thing that is wrong with a plugin's folder. */
export interface ManifestProblem {
  /** The file that it is in, relative to the folder: `.claude-plugin/plugin.json`. */
  readonly file: string;
  /** The place in the file: `routing.keywords[2]`, or empty for the file as a whole. */
  readonly path: string;
  readonly wanted: string;
  /** What stands there, shortened and with nothing hidden. */
  readonly found: string;
}

/** A plugin's folder or manifest that cannot be used. It names every problem at once; trying again cannot help. */
export class ManifestError extends PluginError {
  override readonly name = "ManifestError";
  /** At most 50. */
  readonly problems: readonly ManifestProblem[];

  constructor(problems: readonly ManifestProblem[], options?: ErrorOptions) {
    super("MANIFEST_INVALID", messageOf(problems), { ...options, isRetryable: false });
    this.problems = problems.slice(0, limit("manifest.problems"));
  }
}

/** `.claude-plugin/plugin.json: routing.priority: wanted a whole number, found "high"` */
export function describeProblem({ file, path, wanted, found }: ManifestProblem): string {
  const place = path === "" ? file : `${file}: ${path}`;
  return `${place}: wanted ${wanted}, found ${found}`;
}

/** `["routing", "keywords", 2]` as `routing.keywords[2]`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${printableName(String(key))}`))
    .join("")
    .replace(/^\./, "");
}

function messageOf(problems: readonly ManifestProblem[]): string {
  const told = problems.slice(0, limit("manifest.problems")).map(describeProblem);
  const rest = problems.length - told.length;
  if (rest > 0) told.push(`and ${rest} more`);
  return told.length === 1
    ? told.join()
    : `${problems.length} problems:\n${told.map((line) => `  ${line}`).join("\n")}`;
}
