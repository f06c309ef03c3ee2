import { usageError } from "../errors.ts";

/** The key that leaves a terminal, as a person names it and as it is typed. */
export interface DetachKey {
  readonly name: string;
  readonly character: string;
}

export const DEFAULT_DETACH_KEY = "ctrl-]";

/** Reads `ctrl-]`, `ctrl-a` and the like; `none` is no key. */
export function parseDetachKey(text: string): DetachKey | undefined {
  if (text === "none") return undefined;
  const [, letter] = /^(?:ctrl|c|\^)-?([a-z@[\\\]^_])$/i.exec(text) ?? [];
  if (letter === undefined) throw usageError(`"${text}" is no key to leave by`, "a key looks like ctrl-], or none");
  const character = String.fromCodePoint((letter.toUpperCase().codePointAt(0) ?? 0) & 0x1f);
  return { name: `Ctrl-${letter.toUpperCase()}`, character };
}
