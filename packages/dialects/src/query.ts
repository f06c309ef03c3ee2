import * as z from "zod";

/** A whole number in a query, spelled in digits. */
export function wholeNumber({ min, max }: { min: number; max: number }): z.ZodType<number, string> {
  return z
    .string()
    .regex(/^(?:0|[1-9]\d{0,14})$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ override: { type: "integer", minimum: min, maximum: max } });
}

/** `true` or `false` in a query. */
export function yesOrNo(): z.ZodType<boolean, string> {
  return z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .meta({ override: { type: "boolean" } });
}
