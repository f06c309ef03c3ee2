import { firstPlan, type CheckPlan, type ProjectFiles } from "./gate-plan.ts";
import { localProgram, planScript } from "./package-manager.ts";

/** What `gate:typecheck` runs in a project. */
export function planTypecheck(files: ProjectFiles): CheckPlan {
  return firstPlan([
    planScript(files, ["typecheck", "type-check", "check-types", "tsc"]),
    planTsc(files),
    planMypy(files),
    planCargoCheck(files),
    planGoVet(files),
  ]);
}

function planTsc(files: ProjectFiles): CheckPlan {
  const tsc = localProgram(files, "tsc");
  if (!files.names.has("tsconfig.json") || tsc === undefined)
    return { lookedFor: "tsconfig.json with an installed typescript" };
  return { commands: [[tsc, "--noEmit"]], because: "there are tsconfig.json and typescript" };
}

function planMypy({ names, texts }: ProjectFiles): CheckPlan {
  const isConfigured =
    names.has("mypy.ini") || names.has(".mypy.ini") || (texts.get("pyproject.toml") ?? "").includes("[tool.mypy");
  if (!isConfigured) return { lookedFor: "a configuration of mypy" };
  return { commands: [["python3", "-m", "mypy", "."]], because: "mypy is configured" };
}

function planCargoCheck({ names }: ProjectFiles): CheckPlan {
  if (!names.has("Cargo.toml")) return { lookedFor: "Cargo.toml" };
  return { commands: [["cargo", "check", "--all-targets"]], because: "there is Cargo.toml" };
}

function planGoVet({ names }: ProjectFiles): CheckPlan {
  if (!names.has("go.mod")) return { lookedFor: "go.mod" };
  return { commands: [["go", "build", "./..."]], because: "there is go.mod" };
}
