import { firstPlan, type CheckPlan, type ProjectFiles } from "./gate-plan.ts";
import { localProgram, planScript } from "./package-manager.ts";

/** Linters that a project installs for itself: what their configuration is called, and how they check everything. */
const LOCAL_LINTERS: readonly {
  readonly program: string;
  readonly config: RegExp;
  readonly args: readonly string[];
}[] = [
  {
    program: "eslint",
    config: /^(eslint\.config\.(js|mjs|cjs|ts|mts|cts)|\.eslintrc(\.(js|cjs|json|ya?ml))?)$/,
    args: ["."],
  },
  { program: "biome", config: /^\.?biome\.jsonc?$/, args: ["lint", "."] },
  { program: "oxlint", config: /^\.?oxlintrc\.json$/, args: [] },
];

/** What `gate:lint` runs in a project. */
export function planLint(files: ProjectFiles): CheckPlan {
  const local = LOCAL_LINTERS.map(({ program, config, args }): CheckPlan => {
    const path = localProgram(files, program);
    const isConfigured = [...files.names].some((name) => config.test(name));
    if (path === undefined || !isConfigured)
      return { lookedFor: `a configuration of ${program} with ${program} installed` };
    return { commands: [[path, ...args]], because: `${program} is configured and installed` };
  });
  return firstPlan([planScript(files, ["lint"]), ...local, planRuff(files), planClippy(files), planGoVet(files)]);
}

function planRuff({ names, texts }: ProjectFiles): CheckPlan {
  const isConfigured =
    names.has("ruff.toml") || names.has(".ruff.toml") || (texts.get("pyproject.toml") ?? "").includes("[tool.ruff");
  if (!isConfigured) return { lookedFor: "a configuration of ruff" };
  return { commands: [["ruff", "check", "."]], because: "ruff is configured" };
}

function planClippy({ names }: ProjectFiles): CheckPlan {
  if (!names.has("Cargo.toml")) return { lookedFor: "Cargo.toml" };
  return {
    commands: [["cargo", "clippy", "--all-targets", "--", "--deny", "warnings"]],
    because: "there is Cargo.toml",
  };
}

function planGoVet({ names }: ProjectFiles): CheckPlan {
  if (!names.has("go.mod")) return { lookedFor: "go.mod" };
  return { commands: [["go", "vet", "./..."]], because: "there is go.mod" };
}
