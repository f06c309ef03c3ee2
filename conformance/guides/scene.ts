import { codeBlocks, type Guide } from "./code-blocks.ts";

/** A fragment of a guide with what its reader has around it, so that it can be compiled and run. */
export interface Scene {
  /** Heading of the guide. */
  readonly heading: string;
  /** What the fragment uses and does not define: an import, a declaration or a statement a line. */
  readonly before: string;
  /** What is handed to the test after the fragment has run. */
  readonly returns: string;
}

/** The module of a scene: its fragments, in order, as the body of `run`, which can await as a module can. */
export function sceneModule(guide: Guide, { heading, before, returns }: Scene): string {
  // An object of three dots is a guide's "and so on", the one thing in it that no compiler takes.
  const code = `${before}\n${codeBlocks(guide, heading).join("\n")}`.replaceAll("{...}", "{}");
  const [imports, declarations] = [/^import [^;]*;\n/gm, /^(?:declare|interface) .*\n/gm];
  const body = code.replace(imports, "").replace(declarations, "");
  return [
    ...(code.match(imports) ?? []),
    ...(code.match(declarations) ?? []),
    `export async function run() {\n${body}\nreturn ${returns};\n}\n`,
  ].join("\n");
}
