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
    for (const name of item.pattern.split("/")) level = level.grow(name);
    if (level.items.has(item)) return;
    level.items.set(item, this.#added++);
    this.#forgetMatchesOf(item.pattern);
  }

  /** Removes an item; false when it was not there. */
  remove(item: Item): boolean {
    const path = [this.#root];
    const names = item.pattern.split("/");
    for (const name of names) {
      const next = path.at(-1)?.child(name);
      if (!next) return false;
      path.push(next);
    }
    if (!path.at(-1)?.items.delete(item)) return false;
    for (let depth = names.length; depth > 0 && path[depth]?.isEmpty; depth--) {
      path[depth - 1]?.prune(names[depth - 1] ?? "");
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
    this.#root.collect(topic.split("/"), 0, found);
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
  readonly items = new Map<Item, number>();
  #named: Map<string, Level<Item>> | undefined;
  /** What follows `*`, and what stands at `**`. */
  #any: Level<Item> | undefined;
  #remaining: Level<Item> | undefined;

  get isEmpty(): boolean {
    return this.items.size === 0 && !this.#any && !this.#remaining && !this.#named?.size;
  }

  child(name: string): Level<Item> | undefined {
    if (name === ONE_LEVEL) return this.#any;
    return name === REMAINING_LEVELS ? this.#remaining : this.#named?.get(name);
  }

  grow(name: string): Level<Item> {
    if (name === ONE_LEVEL) return (this.#any ??= new Level());
    if (name === REMAINING_LEVELS) return (this.#remaining ??= new Level());
    this.#named ??= new Map();
    let child = this.#named.get(name);
    if (!child) this.#named.set(name, (child = new Level()));
    return child;
  }

  prune(name: string): void {
    if (name === ONE_LEVEL) this.#any = undefined;
    else if (name === REMAINING_LEVELS) this.#remaining = undefined;
    else this.#named?.delete(name);
  }

  // Each branch taken is backed by somebody's subscription, so this ends soon however long the topic is.
  collect(names: readonly string[], depth: number, found: [Item, number][]): void {
    if (depth === names.length) {
      take(this.items, found);
      return;
    }
    if (this.#remaining) take(this.#remaining.items, found);
    this.#named?.get(names[depth] ?? "")?.collect(names, depth + 1, found);
    this.#any?.collect(names, depth + 1, found);
  }
}

// One by one: as arguments of a call, a hundred thousand are too many.
function take<Item>(items: ReadonlyMap<Item, number>, found: [Item, number][]): void {
  for (const entry of items) found.push(entry);
}
