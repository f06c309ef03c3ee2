/** The ids that the fake knows. */
export const ORG = `org_${"a".repeat(26)}`;
export const PROJECT = `proj_${"b".repeat(26)}`;
export const CONFIG = `acfg_${"c".repeat(26)}`;

let made = 0;

/** A prefix and 26 characters of a to z and 2 to 7. */
export function publicId(prefix: string): string {
  const letters = (++made)
    .toString(26)
    .replaceAll(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)));
  return `${prefix}_${letters.padStart(26, "a")}`;
}
