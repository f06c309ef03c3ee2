/** What a terminal takes for an order: CSI, OSC, DCS, SOS, PM and APC sequences, and two-character escapes. */
const ESCAPES =
  // oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;
// oxlint-disable-next-line no-control-regex -- as above
const COLOR = /^(?:\u001b\[|\u009b)[0-9;:]*m$/;
// oxlint-disable-next-line no-control-regex -- as above
const CONTROLS_BUT_TAB = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
// oxlint-disable-next-line no-control-regex -- as above
const CONTROLS_BUT_TAB_AND_ESCAPE = /[\u0000-\u0008\u000a-\u001a\u001c-\u001f\u007f-\u009f]/g;

// oxlint-disable-next-line no-control-regex -- as above
const CONTROLS_BUT_LAYOUT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** What makes text stand in another order than it has. Marks that join letters and pictures are left alone. */
const BIDI = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// oxlint-disable-next-line no-control-regex -- as above
const OWN_COLORS = /(\u001b\[[0-9;:]*m)/;
/** What JSON may hold as it is, and a terminal may act on: 8-bit controls, and marks that turn the direction of writing. */
const RAW_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** What reads differently from what is there: controls, bidi and zero-width characters, odd spaces, lone surrogates. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;

/**
 * One line of a step's output, fit for a terminal: what would move the cursor, set the title or ask the terminal a
 * question is gone. Colours stay only where `keepColors` says so, and are switched off at the end of the line.
 */
export function outputLine(line: string, { keepColors = false } = {}): string {
  const visible = overwritten(line);
  if (!keepColors) return visible.replace(ESCAPES, "").replace(CONTROLS_BUT_TAB, "");
  let isColored = false;
  const colored = visible.replace(ESCAPES, (sequence) => {
    isColored ||= COLOR.test(sequence);
    return COLOR.test(sequence) ? sequence.replace("\u009b", "\u001b[") : "";
  });
  return `${colored.replace(CONTROLS_BUT_TAB_AND_ESCAPE, "")}${isColored ? "\u001b[0m" : ""}`;
}

/** Words from elsewhere as they come, in pieces: line breaks stay, what would act on a terminal is gone or spelled out. */
export function streamedText(piece: string): string {
  return piece.replace(CONTROLS_BUT_LAYOUT, "").replace(BIDI, (character) => spellOut(character));
}

/** A name or message from elsewhere, on one line: escapes are gone, and what cannot be seen is spelled out. */
export function remoteText(text: string): string {
  return spellOut(
    text
      .replace(ESCAPES, "")
      .replace(/[\r\n\t]+/g, " ")
      .trim(),
  );
}

/** One line with nothing left out: what cannot be seen stands as `\u{…}`, tabs and backslashes as they are. */
export function visibleLine(line: string): string {
  return line.split("\t").map(spellOut).join("\t");
}

/** A text with nothing left out and nothing hidden: what cannot be seen stands as `\u{…}`. Line breaks stay. */
export function visibleText(text: string): string {
  return text.replaceAll("\\", "\\\\").split("\n").map(spellOut).join("\n");
}

/**
 * What this program is about to print for people, whatever it was made from: nothing but letters, line breaks, tabs and, where
 * `isColored`, colours reaches the terminal. Texts from elsewhere are made fit where they are worded; this is for those that are not.
 */
export function terminalText(text: string, isColored: boolean): string {
  return text
    .split(OWN_COLORS)
    .map((part, index) =>
      index % 2 === 0 ? part.replace(CONTROLS_BUT_LAYOUT, spellOut).replace(BIDI, spellOut) : isColored ? part : "",
    )
    .join("");
}

/** A value as JSON on one line, exact for who reads it as JSON, and harmless on a terminal. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    RAW_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * A value as JSON over several lines, with nothing hidden. JSON writes a backslash as two, so what is spelled out here
 * cannot be confused with what stood there.
 */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value, undefined, 2).split("\n").map(spellOut).join("\n");
}

function spellOut(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Progress bars write over their line with carriage returns; what was written last is what is seen. */
function overwritten(line: string): string {
  const writings = line.split("\r");
  return writings.findLast((writing) => writing !== "") ?? "";
}
