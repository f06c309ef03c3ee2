import { firstPlan, type CheckPlan, type ProjectFiles } from "./gate-plan.ts";
import { planScript } from "./package-manager.ts";

/** What `gate:test` runs in a project. The script that `npm init` leaves behind counts as none. */
export function planTest(files: ProjectFiles): CheckPlan {
  return firstPlan([planScript(files, ["test"]), planPytest(files), planCargoTest(files), planGoTest(files)]);
}

function planPytest({ names, texts }: ProjectFiles): CheckPlan {
  const isConfigured =
    names.has("pytest.ini") ||
    names.has("conftest.py") ||
    (texts.get("pyproject.toml") ?? "").includes("[tool.pytest") ||
    (texts.get("setup.cfg") ?? "").includes("[tool:pytest]") ||
    (texts.get("tox.ini") ?? "").includes("[pytest]") ||
    [...names].some((name) => /^test_.*\.py$/.test(name));
  if (!isConfigured) return { lookedFor: "a configuration of pytest or test_*.py" };
  return { commands: [["python3", "-m", "pytest"]], because: "the project has tests for pytest" };
}

function planCargoTest({ names }: ProjectFiles): CheckPlan {
  if (!names.has("Cargo.toml")) return { lookedFor: "Cargo.toml" };
  return { commands: [["cargo", "test"]], because: "there is Cargo.toml" };
}

function planGoTest({ names }: ProjectFiles): CheckPlan {
  if (!names.has("go.mod")) return { lookedFor: "go.mod" };
  return { commands: [["go", "test", "./..."]], because: "there is go.mod" };
}
