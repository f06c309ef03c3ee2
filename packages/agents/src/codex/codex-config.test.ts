import { describe, expect, it } from "vitest";

import { toArguments, toToml } from "./codex-config.ts";

describe("toToml", () => {
  it("writes each entry in a line, and leaves out what is undefined", () => {
    const config = {
      model: undefined,
      a: 'say "hi"\n\u007f',
      b: 7,
      c: true,
      d: ["x"],
      projects: { "/a b": { trust: "no", n: undefined } },
    };

    expect(toToml(config)).toBe(
      [
        '"a" = "say \\"hi\\"\\n\\u007f"',
        '"b" = 7',
        '"c" = true',
        '"d" = ["x"]',
        '"projects" = { "/a b" = { "trust" = "no" } }',
        "",
      ]
        .join("\n")
        .replaceAll(/^"(\w+)" =/gm, "$1 ="),
    );
  });
});

describe("toArguments", () => {
  it("says the same as overrides", () => {
    expect(toArguments({ features: { apps: false } })).toEqual(["-c", 'features = { "apps" = false }']);
  });
});
