/**
 * What JSON is full of, by the byte that stands for it. Our JSON holds no control character: there is nothing between its tokens, and
 * strings have an escape for it. So they are free.
 */
const SHORT_FORMS: readonly string[] = ["", '":"', '":', '","', '",', '"}', '{"', ',"'];

/** How many characters each stands for. */
export const SHORT_FORM_LENGTHS: readonly number[] = SHORT_FORMS.map((form) => form.length);

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The byte for what stands at this place, whose first character is `code`; 0 where there is none. */
export function shortFormAt(text: string, index: number, code: number): number {
  if (code !== QUOTE && code !== COMMA && code !== OPEN) return 0;
  const next = text.charCodeAt(index + 1);
  if (code === OPEN) return next === QUOTE ? 6 : 0;
  if (code === COMMA) return next === QUOTE ? 7 : 0;
  if (next === COLON) return text.charCodeAt(index + 2) === QUOTE ? 1 : 2;
  if (next === COMMA) return text.charCodeAt(index + 2) === QUOTE ? 3 : 4;
  return next === CLOSE ? 5 : 0;
}

/** JSON with its short forms. */
export function shorten(text: string): string {
  let shorter = "";
  for (let index = 0; index < text.length;) {
    const form = shortFormAt(text, index, text.charCodeAt(index));
    shorter += form === 0 ? text.charAt(index) : String.fromCharCode(form);
    index += form === 0 ? 1 : (SHORT_FORM_LENGTHS[form] ?? 1);
  }
  return shorter;
}

/** The JSON again. */
export function lengthen(shorter: string): string {
  let text = "";
  let from = 0;
  for (let index = 0; index < shorter.length; index++) {
    const code = shorter.charCodeAt(index);
    if (code >= SHORT_FORMS.length) continue;
    text += shorter.slice(from, index) + SHORT_FORMS[code];
    from = index + 1;
  }
  return text + shorter.slice(from);
}
