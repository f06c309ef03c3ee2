import * as z from "zod";

import type { PackageManifest, ProjectFiles } from "./gate-plan.ts";
import type { WorkspaceView } from "./tool.ts";

/** Files whose text planning looks at. */
const TEXTS = [
  "pyproject.toml",
  "setup.cfg",
  "tox.ini",
  "pnpm-lock.yaml",
  "yarn.lock",
  "bun.lock",
  "package-lock.json",
  "npm-shrinkwrap.json",
];

const strings = z.record(z.string(), z.string()).catch({});
const ManifestSchema = z.object({
  scripts: strings.default({}),
  dependencies: strings.default({}),
  devDependencies: strings.default({}),
  optionalDependencies: strings.default({}),
});

/** Reads what planning needs of a folder of the workspace; as data, and never more than a little. */
export async function readProjectFiles(workspace: WorkspaceView, folder: string): Promise<ProjectFiles> {
  const inside = (name: string): string => (folder === "" ? name : `${folder}/${name}`);
  const names = new Set(await workspace.list(folder));
  const present = TEXTS.filter((name) => names.has(name));
  const texts = await Promise.all(present.map(async (name) => [name, await workspace.read(inside(name))] as const));
  return {
    names,
    manifest: names.has("package.json") ? parseManifest(await workspace.read(inside("package.json"))) : undefined,
    localPrograms: new Set(await workspace.list(inside("node_modules/.bin"))),
    texts: new Map(texts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]))),
  };
}

function parseManifest(text: string | undefined): PackageManifest | undefined {
  try {
    const { scripts, ...rest } = ManifestSchema.parse(JSON.parse(text ?? ""));
    return { scripts, dependencies: { ...rest.dependencies, ...rest.devDependencies, ...rest.optionalDependencies } };
  } catch {
    return undefined;
  }
}
