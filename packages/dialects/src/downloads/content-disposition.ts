/**
 * A Content-Disposition that makes browsers save a file, never show it (RFC 6266): an ASCII name for old ones, the
 * whole name in UTF-8 for the rest. The name is the last part of the path; nothing in it can end the header.
 */
export function attachment(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1) || "download";
  const plain = name.replace(/[^A-Za-z0-9._ -]/g, "_");
  if (plain === name) return `attachment; filename="${name}"`;
  const encoded = encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, percentEncode);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
