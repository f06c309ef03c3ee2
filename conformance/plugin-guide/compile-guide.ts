import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { codeBlocks } from "./code-blocks.ts";
import { type SceneName, SCENES, sceneModule } from "./scenes.ts";

/** Below the package, so that what is compiled finds the packages; the folders are nobody's source. */
const FOLDERS = join(import.meta.dirname, "..", ".types", "plugin-guide");

/**
 * How a reader of the guide compiles: strict, to CommonJS, for `require.main === module`. Errors that are caught are `any`,
 * since the guide reads their `message`.
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

const PACKAGES = ["messagebus", "circuit-breaker", "state-manager"];

/** Files of the guide's folder layout, and the code block that is in each. */
function files(): Record<string, string> {
  const scenes = Object.keys(SCENES) as SceneName[];
  return {
    ".claude-plugin/plugin.json": first(codeBlocks("2. Update Plugin Manifest", "json")),
    "lib/plugin-bootstrap.ts": first(codeBlocks("3. Create Plugin Entry Point")),
    "lib/command-handler.ts": COMMAND_HANDLER,
    "lib/fastapi-backend-plugin.ts": first(codeBlocks("Full Plugin Implementation")),
    "test/plugin.test.ts": first(codeBlocks("Unit Tests")),
    "test/globals.d.ts": TEST_GLOBALS,
    ...Object.fromEntries(scenes.map((name) => [`scenes/${name}.ts`, sceneModule(name)])),
  };
}

/** The one file that the guide's bootstrap imports and leaves to its reader (spec P-82). */
const COMMAND_HANDLER = `import type { Message, MessageBus } from '@signalbox/messagebus';

export class PluginCommandHandler {
  private active = 0;
  private messageBus: MessageBus;

  constructor(messageBus: MessageBus) {
    this.messageBus = messageBus;
  }

  async handleRequest(message: Message): Promise<void> {
    this.active += 1;
    try {
      if (message.payload.command === 'break') throw new Error('told to break');
      await this.messageBus.respond(message.correlationId!, { status: 'success', result: message.payload });
    } finally {
      this.active -= 1;
    }
  }

  async executeCommand(command: string, parameters: unknown): Promise<unknown> {
    return { command, parameters };
  }

  async queryAgents(criteria: unknown): Promise<unknown> {
    return [{ name: 'agent-1', criteria }];
  }

  getActiveRequestCount(): number {
    return this.active;
  }
}
`;

/** What the guide's test takes from its test runner, and \`RPCClient\`, which it uses without importing (spec P-86). */
const TEST_GLOBALS = `declare function describe(name: string, body: () => void): void;
declare function it(name: string, body: () => Promise<void>): void;
declare function beforeEach(body: () => void | Promise<void>): void;
declare function afterEach(body: () => void | Promise<void>): void;
declare function expect(value: unknown): { toBe(other: unknown): void; toBeDefined(): void; toContain(part: unknown): void };
declare const RPCClient: typeof import('@signalbox/messagebus').RPCClient;
`;

export interface CompiledGuide {
  /** Folder of the compiled plugin. */
  readonly folder: string;
  /** Loads a compiled scene as CommonJS does. */
  scene(name: SceneName): { run(): Promise<Record<string, unknown>> };
  /** Loads any module as the compiled files do: the same instances of our packages. */
  readonly require: NodeJS.Require;
}

/** Writes the guide's code into a folder of its own and compiles it as its reader would. Throws what the compiler says. */
export function compileGuide(name: string): CompiledGuide {
  const folder = join(FOLDERS, name);
  rmSync(folder, { recursive: true, force: true });
  const all = {
    ...files(),
    "package.json": JSON.stringify({ name: "your-plugin", type: "commonjs", main: "dist/lib/plugin-bootstrap.js" }),
    "tsconfig.json": JSON.stringify({
      compilerOptions: COMPILER_OPTIONS,
      include: ["lib", "test", "scenes"],
      // Our packages are seen through their declarations, as an installed package is.
      references: PACKAGES.map((name) => ({ path: `../../../../packages/${name}/tsconfig.src.json` })),
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
    scene: (name) => require(`../scenes/${name}.js`) as ReturnType<CompiledGuide["scene"]>,
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

function first(blocks: readonly string[]): string {
  const [block] = blocks;
  if (block === undefined) throw new Error("the guide has no such code");
  return block;
}
