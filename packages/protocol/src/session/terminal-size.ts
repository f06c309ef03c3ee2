import * as z from "zod";

/** The size of a terminal, in cells. */
export const TerminalSizeSchema = z.strictObject({
  columns: z.int().min(1).max(1_000),
  rows: z.int().min(1).max(1_000),
});
export type TerminalSize = z.infer<typeof TerminalSizeSchema>;
