import { describe, expect, it } from "vitest";
import { startOrder } from "./start-order.ts";

const plugin = (name: string, ...canRouteTo: string[]) => ({ name, canRouteTo });

describe("startOrder", () => {
  it("starts whoever is routed to first", () => {
    const plugins = [plugin("boss", "team", "leaf"), plugin("team", "leaf"), plugin("leaf"), plugin("alone")];

    expect(startOrder(plugins)).toEqual([["alone", "leaf"], ["team"], ["boss"]]);
  });

  it("does not wait for plugins that are not there, or for itself", () => {
    expect(startOrder([plugin("a", "gone", "a")])).toEqual([["a"]]);
  });

  it("gets out of a circle", () => {
    expect(startOrder([plugin("b", "a"), plugin("a", "b"), plugin("c", "a")])).toEqual([["a"], ["b", "c"]]);
  });
});
