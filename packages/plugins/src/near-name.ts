const MAX_LENGTH = 64;
const MAX_DISTANCE = 2;

/** The name that was probably meant: the nearest by at most two slips of a finger, or undefined. */
export function nearName(name: string, names: Iterable<string>): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  let nearest: string | undefined;
  let least = MAX_DISTANCE + 1;
  for (const candidate of names) {
    const slips = distance(name.toLowerCase(), candidate.toLowerCase());
    // Two slips in a short word make another word.
    if (slips < least && slips <= candidate.length / 3) [nearest, least] = [candidate, slips];
  }
  return nearest;
}

/** How many letters to put in, leave out, change or swap with their neighbour. */
function distance(a: string, b: string): number {
  let [beforeLast, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (last?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (last?.[j - 1] ?? 0) + (isSame ? 0 : 1),
        isSwap ? (beforeLast?.[j - 2] ?? 0) + 1 : Infinity,
      );
    }
    [beforeLast, last] = [last, row];
  }
  return last?.[b.length] ?? 0;
}
