import { WEBHOOK_EVENT_TYPES } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { requiredScopes } from "./required-scopes.ts";

describe("requiredScopes", () => {
  // Red when a table of events is added to those that can be told and not here: anybody could ask for them.
  it("names what must be readable for every event that can be told", () => {
    const free = [...WEBHOOK_EVENT_TYPES].filter((type) => requiredScopes([type]).length === 0);

    expect(free).toEqual([]);
  });

  it("asks for all of them where a filter names all", () => {
    expect(requiredScopes(["*"])).toEqual(["runs:read", "sessions:read", "runners:read", "plugins:read"]);
  });
});
