/** What planning a check knows of a project: names and small texts from the folder that is checked. */
export interface ProjectFiles {
  /** Names in the folder. */
  readonly names: ReadonlySet<string>;
  /** `package.json`, when there is one that can be read. */
  readonly manifest: PackageManifest | undefined;
  /** Names in `node_modules/.bin`. */
  readonly localPrograms: ReadonlySet<string>;
  /** Texts of the other files that planning asks for, by name. */
  readonly texts: ReadonlyMap<string, string>;
}

/** What of a `package.json` matters here. */
export interface PackageManifest {
  readonly scripts: Readonly<Record<string, string>>;
  /** All kinds of dependencies, by name. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/** What a check runs: one command after the other, all of which must succeed; or nothing, and what was looked for. */
export type CheckPlan =
  | { readonly commands: readonly (readonly string[])[]; readonly because: string }
  | { readonly commands?: undefined; readonly lookedFor: string };

/** The first plan that has commands; otherwise what all of them looked for. */
export function firstPlan(plans: readonly CheckPlan[]): CheckPlan {
  const found = plans.find((plan) => plan.commands);
  return found ?? { lookedFor: plans.map((plan) => (plan.commands ? "" : plan.lookedFor)).join("; ") };
}
