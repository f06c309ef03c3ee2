import { usageError } from "./errors.ts";

/** Labels as they stand on a command line, `name=value` each. */
export function readLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw usageError(`--label takes name=value; got "${text}"`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
