import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import { TopicIndex } from "./topic-index.ts";
import { matchesTopic } from "./topic.ts";

interface Item {
  readonly pattern: string;
  readonly priority: number;
}

describe("TopicIndex", () => {
  it("finds what a list would, in the same order, whatever comes and goes", () => {
    const patterns = ["a", "a/b", "a/*", "*/b", "*", "**", "a/**", "a/*/c", "*/*", "a/b/c", "b/**", "*/b/**"];
    const topics = ["a", "b", "a/b", "b/b", "a/b/c", "b/c", "a/c/c", "c/b/a/a", "c"];
    const step = record({
      act: constantFrom("add", "remove", "match", "match"),
      pattern: constantFrom(...patterns),
      priority: nat(2),
      pick: nat(100),
      topic: constantFrom(...topics),
    });

    assert(
      property(array(step, { maxLength: 80, size: "max" }), nat(4), (steps, cacheSize) => {
        const index = new TopicIndex<Item>(cacheSize + 1);
        const list = new ItemList();

        for (const { act, pattern, priority, pick, topic } of steps) {
          const item = act === "add" ? { pattern, priority } : list.pick(pick);
          if (act === "add" && item) list.items.push(item);
          if (act === "add" && item) index.add(item);
          expect(act === "remove" && item && index.remove(item)).toBe(act === "remove" && list.remove(item));
          expect(act === "match" && sameItems(index.match(topic), list.match(topic))).toBe(act === "match");
        }
      }),
    );
  });

  it("leaves a match as it was when subscriptions change", () => {
    const index = new TopicIndex<Item>(10);
    const first = { pattern: "a/*", priority: 0 };
    index.add(first);
    const before = index.match("a/b");

    index.add({ pattern: "a/b", priority: 0 });
    index.remove(first);

    expect(before).toEqual([first]);
    expect(index.match("a/b")).toEqual([{ pattern: "a/b", priority: 0 }]);
  });

  it("finds as many as there are on one topic", () => {
    const index = new TopicIndex<Item>(10);
    for (let n = 0; n < 200_000; n++) index.add({ pattern: "a", priority: n % 3 });

    expect(index.match("a")).toHaveLength(200_000);
  });

  it("takes an item once", () => {
    const index = new TopicIndex<Item>(10);
    const item = { pattern: "a", priority: 0 };

    index.add(item);
    index.add(item);

    expect(index.match("a")).toEqual([item]);
  });

  it("is not slowed down by levels that bear names of objects", () => {
    const index = new TopicIndex<Item>(10);

    index.add({ pattern: "__proto__/constructor", priority: 0 });

    expect(index.match("__proto__/constructor")).toHaveLength(1);
    expect(index.match("constructor")).toHaveLength(0);
    expect(index.match("hasOwnProperty/x")).toHaveLength(0);
  });
});

/** What the index is to be as good as. */
class ItemList {
  items: Item[] = [];

  pick(at: number): Item | undefined {
    return this.items[at % Math.max(1, this.items.length)];
  }

  remove(item: Item | undefined): true | undefined {
    const had = this.items.length;
    this.items = this.items.filter((other) => other !== item);
    return this.items.length < had ? true : undefined;
  }

  match(topic: string): Item[] {
    return this.items.filter(({ pattern }) => matchesTopic(pattern, topic)).toSorted((a, b) => b.priority - a.priority);
  }
}

function sameItems(some: readonly Item[], others: readonly Item[]): boolean {
  return some.length === others.length && some.every((item, at) => item === others[at]);
}
