/** One table of a suite, with what it says about the aims. */
export interface Report {
  readonly title: string;
  /** What was done, in a sentence or two. */
  readonly what: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly aims?: readonly Aim[];
  /** Said below the table: what is missing, what to beware of. */
  readonly notes?: readonly string[];
}

/** What is wanted, beside what came out. `isMet` is undefined where the peer was absent. */
export interface Aim {
  readonly text: string;
  readonly isMet: boolean | undefined;
  readonly came: string;
}

/** An aim for a ratio of two figures, either of which may be absent. */
export function aimForRatio(text: string, ours: number | undefined, theirs: number | undefined, least: number): Aim {
  if (ours === undefined || theirs === undefined) return { text, isMet: undefined, came: "not measured" };
  return { text, isMet: ours / theirs >= least, came: ratio(ours, theirs) };
}

/** An aim for a figure that should not be above a bound. */
export function aimForMost(text: string, value: number | undefined, most: number, unit = "ms"): Aim {
  if (value === undefined) return { text, isMet: undefined, came: "not measured" };
  return { text, isMet: value <= most, came: `${figure(value)} ${unit}` };
}

/** A number with as many digits as mean something. */
export function figure(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (value < 0) return `−${figure(-value)}`;
  if (value >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** One figure in terms of another. */
export function ratio(value: number | undefined, base: number | undefined): string {
  return value === undefined || base === undefined ? "–" : `${figure(value / base)}×`;
}

/** A report as Markdown, which is read as well on a terminal. */
export function render({ title, what, columns, rows, aims = [], notes = [] }: Report): string {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const pad = (cell: string, index: number) =>
    index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0);
  const rule = widths.map((width, index) => (index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  const parts = [
    `### ${title}`,
    what,
    [columns, rule, ...rows].map((cells) => `| ${cells.map(pad).join(" | ")} |`).join("\n"),
  ];
  if (aims.length > 0) parts.push(aims.map(verdict).join("\n"));
  return [...parts, ...notes].join("\n\n");
}

function verdict({ text, isMet, came }: Aim): string {
  const word = isMet === undefined ? "not measured" : isMet ? "met" : "**missed**";
  return `- ${word}: ${text}${isMet === undefined ? "" : ` (${came})`}`;
}
