/** Modes that a program may leave a terminal in, and what ends each. The others do not outlast the program. */
const ENDINGS: Readonly<Record<string, string>> = {
  "1": "\u001b[?1l",
  "9": "\u001b[?9l",
  "47": "\u001b[?47l",
  "1000": "\u001b[?1000l",
  "1002": "\u001b[?1002l",
  "1003": "\u001b[?1003l",
  "1004": "\u001b[?1004l",
  "1005": "\u001b[?1005l",
  "1006": "\u001b[?1006l",
  "1015": "\u001b[?1015l",
  "1047": "\u001b[?1047l",
  "1049": "\u001b[?1049l",
  "2004": "\u001b[?2004l",
};
/** Colours, the cursor, the keypad and line wrap: as they were, whatever they are. */
const ALWAYS = "\u001b[0m\u001b[?25h\u001b[?7h\u001b>";
/** Longer than any sequence that is looked for. */
const TAIL = 64;

/** Knows in what modes the output of a program has put the terminal, so that it can be put back. */
export class ModeTracker {
  readonly #set = new Set<string>();
  #isTouched = false;
  #tail = "";

  /** Takes a piece of output; a sequence may be cut anywhere. */
  feed(text: string): void {
    if (text === "") return;
    this.#isTouched = true;
    const all = this.#tail + text;
    // oxlint-disable-next-line no-control-regex -- control characters are what a terminal is about
    for (const [, modes = "", order] of all.matchAll(/\u001b\[\?([0-9;]{1,40})([hl])/g)) {
      for (const mode of modes.split(";").filter((one) => Object.hasOwn(ENDINGS, one))) {
        if (order === "h") this.#set.add(mode);
        else this.#set.delete(mode);
      }
    }
    const start = all.lastIndexOf("\u001b");
    this.#tail = start >= 0 && all.length - start < TAIL ? all.slice(start) : "";
  }

  /** What to write to have the terminal as it was; empty when nothing was written to it. */
  restore(): string {
    return this.#isTouched ? [...this.#set].map((mode) => ENDINGS[mode]).join("") + ALWAYS : "";
  }
}
