import { visibleLine } from "./remote-text.ts";

/** How a terminal is told to show something. */
interface Colors {
  readonly bold: (text: string) => string;
  readonly cyan: (text: string) => string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
}

const HEADER =
  /^(?:diff --git |index |old mode |new mode |new file mode |deleted file mode |Binary files |--- |\+\+\+ |similarity )/;

/**
 * One line of a unified diff, fit for a terminal: what cannot be seen is spelled out, for in a diff nothing may hide. Tabs
 * stay. The colours are ours; none of the text's own acts.
 */
export function diffLine(line: string, { bold, cyan, green, red }: Colors): string {
  const shown = visibleLine(line);
  if (HEADER.test(line)) return bold(shown);
  if (line.startsWith("@@")) return cyan(shown);
  if (line.startsWith("+")) return green(shown);
  if (line.startsWith("-")) return red(shown);
  return shown;
}
