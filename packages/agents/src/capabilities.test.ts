import { describe, expect, it } from "vitest";

import { ACP_CAPABILITIES } from "./acp/acp-capabilities.ts";
import { ADAPTERS, adapterOf } from "./adapters.ts";
import { AgentCapabilitiesSchema, capabilitiesAt, compareVersions } from "./capabilities.ts";

describe("capabilitiesAt", () => {
  const [first] = ACP_CAPABILITIES;
  const history = [
    { from: "1.2.0", is: { ...first.is, plan: false } },
    { from: "1.10.0", is: { plan: true } },
    { from: "2.0.0", is: { steer: true } },
  ] as const;

  it.each([
    ["0.9.0", false, false],
    ["1.2.0", false, false],
    ["1.9.9", false, false],
    ["1.10.0", true, false],
    ["1.10.0-beta.1", true, false],
    ["2.0.1", true, true],
    ["unknown", false, false],
  ])("of version %s: plan %s, steer %s", (version, plan, steer) => {
    expect(capabilitiesAt(history, version)).toMatchObject({ plan, steer });
  });
});

describe("compareVersions", () => {
  it.each([
    ["1.2.3", "1.2.3", 0],
    ["1.2.10", "1.2.9", 1],
    ["0.169.0", "0.17.0", 1],
    ["1", "1.0.1", -1],
  ])("%s and %s", (one, other, order) => {
    expect(Math.sign(compareVersions(one, other))).toBe(order);
  });
});

describe("the adapters", () => {
  it.each([...ADAPTERS.keys()])("have capabilities for any version: %s", (provider) => {
    for (const version of ["0.0.1", "99.0.0"]) {
      const capabilities = adapterOf(provider).capabilities(version);

      expect(AgentCapabilitiesSchema.parse(capabilities)).toEqual(capabilities);
    }
  });

  it.each(["gpt", "__proto__", "acp:goose"])("do not have %s", (provider) => {
    expect(() => adapterOf(provider)).toThrow(expect.objectContaining({ code: "UNKNOWN_PROVIDER" }));
  });
});
