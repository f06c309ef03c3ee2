import { fit, pad, widthOf } from "./width.ts";

/** Rows under their heads, in columns as wide as they need; with `columns`, the widest column gives way. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[], columns?: number): string[] {
  const widths = heads.map((head, index) => Math.max(widthOf(head), ...rows.map((row) => widthOf(row[index] ?? ""))));
  const tooMuch = columns === undefined ? 0 : widths.reduce((sum, width) => sum + width + 2, -2) - columns;
  if (tooMuch > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = Math.max(8, (widths[widest] ?? 0) - tooMuch);
  }
  return [heads, ...rows].map((row) =>
    row
      .map((cell, index) => pad(fit(cell, widths[index] ?? 0), widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
