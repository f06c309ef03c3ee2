import { describe, expect, it } from "vitest";
import { nodeToolchain } from "./node-toolchain.ts";

describe("nodeToolchain", () => {
  it("shows nothing more where Node is one of the system's programs", () => {
    expect(nodeToolchain("/usr/bin/node", () => true)).toEqual({ readOnlyBinds: [], binDirectory: "/usr/bin" });
  });

  it("shows a whole installation", () => {
    const exists = (path: string) => path === "/opt/node-24/include/node";

    expect(nodeToolchain("/opt/node-24/bin/node", exists).readOnlyBinds).toEqual([{ source: "/opt/node-24" }]);
  });

  it("shows a lone program only, never the home that it lies in", () => {
    expect(nodeToolchain("/home/ada/bin/node", () => false).readOnlyBinds).toEqual([{ source: "/home/ada/bin/node" }]);
  });
});
