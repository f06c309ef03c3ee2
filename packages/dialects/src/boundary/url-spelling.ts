/** Segments of plain characters, none of them empty or made of dots, and perhaps a query. */
const PLAIN = /^(?:\/(?!\/|\.\.?(?:[/?]|$))[A-Za-z0-9\-._~!$&'()*+,;=:@]*)+(?:\?[\x21\x22\x24-\x5b\x5d-\x7e]*)?$/;
/** The same, with escapes: any but those of a slash, backslash, dot or control character. */
const ESCAPED =
  /^(?:\/(?!\/|\.\.?(?:[/?]|$))(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%(?!2[eEfF]|5[cC]|[01][0-9A-Fa-f]|7[fF])[0-9A-Fa-f]{2})*)+(?:\?[\x21\x22\x24-\x5b\x5d-\x7e]*)?$/;

/**
 * Whether a request target is spelled in the one way that is accepted: a path from `/` on, without empty or dot
 * segments, backslashes, control characters, or escapes that hide a slash, a dot or a control character.
 */
export function isPlainTarget(target: string): boolean {
  if (PLAIN.test(target)) return true;
  if (!ESCAPED.test(target)) return false;
  const path = target.slice(0, target.includes("?") ? target.indexOf("?") : undefined);
  try {
    return !/\p{Cc}/u.test(decodeURIComponent(path));
  } catch (error) {
    // Escapes that are no UTF-8.
    if (error instanceof URIError) return false;
    throw error;
  }
}
