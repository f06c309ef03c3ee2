import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import type { Guide } from "./code-blocks.ts";
import { sceneModule, type Scene } from "./scene.ts";

/** Below the package, so that what is compiled finds the packages; the folders are nobody's source. */
const FOLDERS = join(import.meta.dirname, "..", ".types", "guides");

/**
 * How a reader of the guides compiles: strict, to CommonJS, for `require.main === module`. Errors that are caught are `any`,
 * since the guides read their `message`.
 */
const COMPILER_OPTIONS = {
  target: "es2023",
  lib: ["es2024", "esnext.disposable"],
  module: "node20",
  strict: true,
  useUnknownInCatchVariables: false,
  noEmitOnError: true,
  skipLibCheck: true,
  types: ["node"],
  rootDir: ".",
  outDir: "dist",
};

/** What of a guide is compiled. */
export interface GuideCode<Name extends string> {
  readonly guide: Guide;
  readonly scenes: Readonly<Record<Name, Scene>>;
  /** Whole files, by their path in the reader's folder. */
  readonly files?: Readonly<Record<string, string>>;
  /** Names of our packages that the code imports. */
  readonly packages: readonly string[];
}

export interface CompiledGuide<Name extends string> {
  /** The reader's folder. */
  readonly folder: string;
  /** Loads a compiled scene as CommonJS does. */
  scene(name: Name): { run(): Promise<Record<string, unknown>> };
  /** Loads any module as the compiled files do: the same instances of our packages. */
  readonly require: NodeJS.Require;
}

/** Writes a guide's code into a folder of its own and compiles it as its reader would. Throws what the compiler says. */
export function compileGuide<Name extends string>(
  name: string,
  { guide, scenes, files = {}, packages }: GuideCode<Name>,
): CompiledGuide<Name> {
  const folder = join(FOLDERS, name);
  rmSync(folder, { recursive: true, force: true });
  const modules = Object.entries<Scene>(scenes).map(([each, scene]) => [
    `scenes/${each}.ts`,
    sceneModule(guide, scene),
  ]);
  const all: Record<string, string> = {
    ...files,
    ...(Object.fromEntries(modules) as Record<string, string>),
    "package.json": JSON.stringify({ name: "your-plugin", type: "commonjs", main: "dist/lib/plugin-bootstrap.js" }),
    "tsconfig.json": JSON.stringify({
      compilerOptions: COMPILER_OPTIONS,
      include: ["lib", "test", "scenes"],
      // Our packages are seen through their declarations, as an installed package is.
      references: packages.map((each) => ({ path: `../../../../packages/${each}/tsconfig.src.json` })),
    }),
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  runCompiler(folder);
  const require = createRequire(join(folder, "dist", "lib", "loader.js"));
  return {
    folder,
    require,
    scene: (each) => require(`../scenes/${each}.js`) as ReturnType<CompiledGuide<Name>["scene"]>,
  };
}

function runCompiler(folder: string): void {
  const tsc = join(import.meta.dirname, "..", "node_modules", ".bin", "tsc");
  try {
    execFileSync(tsc, ["-b", folder], { stdio: "pipe", encoding: "utf8" });
  } catch (error) {
    throw new Error(`the guide does not compile:\n${(error as { stdout?: string }).stdout ?? ""}`, { cause: error });
  }
}
