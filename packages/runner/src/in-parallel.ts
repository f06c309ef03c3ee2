/** Transfers and reads under way at once. */
const PARALLEL = 8;

/** Does something with each item, a few at a time; the first failure ends it. Answers in the order of the items. */
export async function inParallel<In, Out>(items: readonly In[], each: (item: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  const queue = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await each(item);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, items.length) }, work));
  return results;
}
