import { MIN_PATTERN_BYTES } from "./secret-too-short-error.ts";

/**
 * The byte strings under which a secret may show up in output: raw (also with the CRLF of a terminal), JSON-escaped
 * as the common encoders do it (and once more, for JSON inside JSON), URL-encoded with four sets of safe characters,
 * hex, base64 and base64url at the three alignments; escapes in lower and in upper case. A secret of several lines is
 * looked for line by line too, and a padded one without its padding. Forms below six bytes are left out.
 * Other encodings, compression and deliberate splitting are not covered: masking is not containment.
 */
export function secretForms(value: string): Buffer[] {
  const forms = new Map<string, Buffer>();
  for (const part of secretParts(value)) {
    for (const form of [...textForms(part), ...byteForms(Buffer.from(part))]) {
      const bytes = Buffer.from(form);
      if (bytes.length >= MIN_PATTERN_BYTES) forms.set(form, bytes);
    }
  }
  return [...forms.values()];
}

/** Lines shorter than this are not secrets of their own: `-----` or `}` of a pretty-printed key would blank any log. */
const MIN_LINE_BYTES = 16;

function secretParts(value: string): string[] {
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  const longLines = lines.length > 1 ? lines.filter((line) => line.length >= MIN_LINE_BYTES) : [];
  return [value, value.trim(), ...longLines];
}

function textForms(text: string): string[] {
  const json = jsonForms(text);
  return [text, text.replace(/\r?\n/g, "\r\n"), ...json, ...json.flatMap(jsonForms)];
}

function jsonForms(text: string): string[] {
  const plain = JSON.stringify(text).slice(1, -1);
  return [
    plain,
    plain.replaceAll("/", "\\/"),
    ...eachCase((hex) => escapeUnits(plain, /[\u0080-\uffff]/g, hex)),
    ...eachCase((hex) => escapeUnits(plain, /[<>&\u2028\u2029]/g, hex)),
  ];
}

function escapeUnits(text: string, units: RegExp, hex: HexCase): string {
  return text.replace(units, (unit) => `\\u${hex(unit.charCodeAt(0).toString(16).padStart(4, "0"))}`);
}

function byteForms(bytes: Buffer): string[] {
  return [
    ...URL_SAFE.flatMap((safe) => eachCase((hex) => percentEncode(bytes, safe, hex))),
    ...eachCase((hex) => percentEncode(bytes, FORM_SAFE, hex).replaceAll("%20", "+")),
    ...eachCase((hex) => hex(bytes.toString("hex"))),
    ...[0, 1, 2].flatMap((shift) => base64Forms(bytes, shift)),
  ];
}

/** What stays as it is: RFC 3986 unreserved; the same with `/`; `encodeURIComponent`; `encodeURI`. */
const URL_SAFE = [/[\w.~-]/, /[\w.~/-]/, /[\w.~!'()*-]/, /[\w.~!'()*;/?:@&=+$,#-]/];
const FORM_SAFE = /[\w.*-]/;

function percentEncode(bytes: Buffer, safe: RegExp, hex: HexCase): string {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return safe.test(character) ? character : `%${hex(byte.toString(16).padStart(2, "0"))}`;
  }).join("");
}

/**
 * Base64 of the bytes when `shift` unknown bytes stand before them (RFC 4648: three bytes make four characters of six
 * bits). Characters that share bits with an unknown neighbour are cut off; only what the secret alone determines stays.
 */
function base64Forms(bytes: Buffer, shift: number): string[] {
  const from = Math.ceil((8 * shift) / 6);
  const to = Math.floor((8 * (shift + bytes.length)) / 6);
  const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
  return [padded.toString("base64").slice(from, to), padded.toString("base64url").slice(from, to)];
}

type HexCase = (digits: string) => string;

function eachCase(encode: (hex: HexCase) => string): string[] {
  return [encode((digits) => digits.toLowerCase()), encode((digits) => digits.toUpperCase())];
}
