/** What the order is made from. */
interface Ordered {
  readonly name: string;
  readonly canRouteTo: readonly string[];
}

/**
 * In which order to start plugins: whoever is routed to before those who route to it, so that nobody asks into the void. Plugins of
 * one group can start at the same time. Within a circle the first by name goes first.
 */
export function startOrder(plugins: readonly Ordered[]): string[][] {
  const waiting = new Map(
    plugins.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map((plugin) => [plugin.name, plugin]),
  );
  const groups: string[][] = [];
  while (waiting.size > 0) {
    const all = [...waiting.values()];
    const free = all.filter(({ name, canRouteTo }) => !canRouteTo.some((to) => to !== name && waiting.has(to)));
    const group = (free.length > 0 ? free : all.slice(0, 1)).map(({ name }) => name);
    for (const name of group) waiting.delete(name);
    groups.push(group);
  }
  return groups;
}
