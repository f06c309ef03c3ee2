import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The plugin guide, word for word: what its readers type must run. */
const GUIDE = readFileSync(join(import.meta.dirname, "guide.md"), "utf8");

/** What the guide's packages are called here; nothing else of its code is changed. */
const NAMES: Readonly<Record<string, string>> = {
  "@jira-orchestrator/messagebus": "@signalbox/messagebus",
  "@jira-orchestrator/state-manager": "@signalbox/state-manager",
  "@jira-orchestrator/circuit-breaker": "@signalbox/circuit-breaker",
};

/** The code blocks that stand under a heading of the guide, in order, under the names that packages have here. */
export function codeBlocks(heading: string, language: "typescript" | "json" = "typescript"): string[] {
  const section = sectionUnder(heading);
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(
    (match) => match[1] ?? "",
  );
  if (blocks.length === 0) throw new Error(`the guide has no ${language} under "${heading}"`);
  return blocks.map(renamed);
}

/** From a heading to the next one of any level. Lines inside code blocks are no headings. */
function sectionUnder(heading: string): string {
  const lines = GUIDE.split("\n");
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (from === -1) throw new Error(`the guide has no heading "${heading}"`);
  let isCode = false;
  const length = lines.slice(from + 1).findIndex((line) => {
    if (line.startsWith("```")) isCode = !isCode;
    return !isCode && /^#+ /.test(line);
  });
  return lines.slice(from + 1, length === -1 ? undefined : from + 1 + length).join("\n");
}

function renamed(code: string): string {
  return Object.entries(NAMES).reduce((text, [theirs, ours]) => text.replaceAll(theirs, ours), code);
}
