import { readFileSync } from "node:fs";

/** A guide of the seed documents, word for word, and what its packages are called here: nothing else of its code is changed. */
export interface Guide {
  readonly path: string;
  readonly names: Readonly<Record<string, string>>;
}

/** The code blocks that stand under a heading of a guide, in order, under the names that packages have here. */
export function codeBlocks(guide: Guide, heading: string, language: "typescript" | "json" = "typescript"): string[] {
  const section = sectionUnder(readFileSync(guide.path, "utf8"), heading);
  const blocks = [...section.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gms"))].map(
    (match) => match[1] ?? "",
  );
  if (blocks.length === 0) throw new Error(`the guide has no ${language} under "${heading}"`);
  return blocks.map((code) => renamed(code, guide.names));
}

/** The one code block under a heading. */
export function codeBlock(guide: Guide, heading: string, language: "typescript" | "json" = "typescript"): string {
  const [block = "", ...more] = codeBlocks(guide, heading, language);
  if (more.length > 0) throw new Error(`the guide has more than one block of ${language} under "${heading}"`);
  return block;
}

/** From a heading to the next one of any level. Lines inside code blocks are no headings. */
function sectionUnder(text: string, heading: string): string {
  const lines = text.split("\n");
  const from = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (from === -1) throw new Error(`the guide has no heading "${heading}"`);
  let isCode = false;
  const length = lines.slice(from + 1).findIndex((line) => {
    if (line.startsWith("```")) isCode = !isCode;
    return !isCode && /^#+ /.test(line);
  });
  return lines.slice(from + 1, length === -1 ? undefined : from + 1 + length).join("\n");
}

function renamed(code: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((text, [theirs, ours]) => text.replaceAll(theirs, ours), code);
}
