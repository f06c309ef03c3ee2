const LAST_PORT = 65_535;

/** A port (`443`) or a range of them (`8000-8999`) as its first and last; undefined for a text that is neither. */
export function readPortRange(text: string): readonly [first: number, last: number] | undefined {
  const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  return first >= 1 && first <= last && last <= LAST_PORT ? [first, last] : undefined;
}
