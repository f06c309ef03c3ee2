import { GenerationCache } from "./generation-cache.ts";
import { ONE_LEVEL, REMAINING_LEVELS } from "./topic.ts";

/** What stands in the index: a canonical pattern and a place in the order. */
export interface Indexed {
  readonly pattern: string;
  readonly priority: number;
}

const NOBODY: readonly never[] = Object.freeze([]);

/**
 * Finds who subscribed to a topic, in the order in which they are called: the higher priority first, then the older.
 * A trie of levels, and before it a bounded memory of topics, so that a topic that comes again costs one look-up
 * however many subscriptions there are.
 */
export class TopicIndex<Item extends Indexed> {
  readonly #root = new Level<Item>();
  readonly #matches: GenerationCache<string, readonly Item[]>;
  #added = 0;

  /** Remembers the listeners of at most `cachedTopics` topics. */
  constructor(cachedTopics: number) {
    this.#matches = new GenerationCache(cachedTopics);
  }

  /** Adds an item; adding it again changes nothing. */
  add(item: Item): void {
    let level = this.#root;
    for (const name of item.pattern.split("/")) level = level.below(name);
    if (level.items.has(item)) return;
    level.items.set(item, this.#added++);
    this.#forgetMatchesOf(item.pattern);
  }

  /** Removes an item; false when it was not there. */
  remove(item: Item): boolean {
    const path = [this.#root];
    const names = item.pattern.split("/");
    for (const name of names) {
      const next = path.at(-1)?.children.get(name);
      if (!next) return false;
      path.push(next);
    }
    if (!path.at(-1)?.items.delete(item)) return false;
    for (let depth = names.length; depth > 0 && path[depth]?.isEmpty; depth--) {
      path[depth - 1]?.children.delete(names[depth - 1] ?? "");
    }
    this.#forgetMatchesOf(item.pattern);
    return true;
  }

  /** The items that match a canonical topic. The array never changes: it is as of now, whatever comes and goes later. */
  match(topic: string): readonly Item[] {
    let items = this.#matches.get(topic);
    if (items === undefined) {
      items = this.#find(topic);
      this.#matches.set(topic, items);
    }
    return items;
  }

  #find(topic: string): readonly Item[] {
    const found: [Item, number][] = [];
    collect(this.#root, topic.split("/"), 0, found);
    if (found.length === 0) return NOBODY;
    return found.sort(([a, older], [b, newer]) => b.priority - a.priority || older - newer).map(([item]) => item);
  }

  #forgetMatchesOf(pattern: string): void {
    // Only one topic can match a pattern without wildcards.
    if (pattern.includes(ONE_LEVEL)) this.#matches.clear();
    else this.#matches.delete(pattern);
  }
}

/** One level of the trie. An item stands at the end of its pattern, with its place in the order of adding. */
class Level<Item> {
  readonly children = new Map<string, Level<Item>>();
  readonly items = new Map<Item, number>();

  get isEmpty(): boolean {
    return this.children.size === 0 && this.items.size === 0;
  }

  below(name: string): Level<Item> {
    let child = this.children.get(name);
    if (!child) this.children.set(name, (child = new Level()));
    return child;
  }
}

// A topic of n levels asks two children on each level it comes to. With n bounded (`topic.levels`) and each branch
// backed by somebody's subscription, this is bounded by the number of subscriptions.
function collect<Item>(level: Level<Item>, names: readonly string[], depth: number, found: [Item, number][]): void {
  if (depth === names.length) {
    found.push(...level.items);
    return;
  }
  const remaining = level.children.get(REMAINING_LEVELS);
  if (remaining) found.push(...remaining.items);
  const named = level.children.get(names[depth] ?? "");
  if (named) collect(named, names, depth + 1, found);
  const any = level.children.get(ONE_LEVEL);
  if (any) collect(any, names, depth + 1, found);
}
