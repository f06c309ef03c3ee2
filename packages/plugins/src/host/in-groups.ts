/** Does work on every item: group after group, and within a group on so many at once. The results are in the order of the items. */
export async function inGroups<Item, Result>(
  groups: readonly (readonly Item[])[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const group of groups) {
    const ofGroup = new Map<number, Result>();
    const left = group.entries();
    const workers = Array.from({ length: Math.min(atOnce, group.length) }, async () => {
      // All workers take from the same row.
      for (const [index, item] of left) ofGroup.set(index, await work(item));
    });
    await Promise.all(workers);
    results.push(...group.map((_, index) => ofGroup.get(index) as Result));
  }
  return results;
}
