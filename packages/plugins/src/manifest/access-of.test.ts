import { describe, expect, it } from "vitest";
import { guideManifest } from "../../test/_support/manifests.ts";
import { accessOf, usesBus } from "./access-of.ts";
import { parseManifest } from "./parse-manifest.ts";

describe("accessOf", () => {
  it("is what the manifest declares", () => {
    expect(accessOf(parseManifest(guideManifest))).toEqual({
      publish: ["plugin/your-plugin/request", "plugin/your-plugin/response", "plugin/your-plugin/events"],
      subscribe: ["system/broadcast", "jira/orchestrator/commands"],
      request: [],
      call: [],
      serve: true,
    });
  });

  it("lets a plugin ask and call the plugins that it may route to, and no other", () => {
    const manifest = parseManifest({ name: "a", version: "1.0.0", routing: { canRouteTo: ["b"] } });

    expect(accessOf(manifest)).toEqual({ publish: [], subscribe: [], request: ["b"], call: ["b"], serve: false });
  });

  it("is nothing where the manifest wants nothing of the bus", () => {
    const messagebus = { enabled: false, topics: ["x/y"], subscriptions: ["system/broadcast"] };
    const manifest = parseManifest({
      name: "a",
      version: "1.0.0",
      routing: { canRouteTo: ["b"] },
      communication: { messagebus },
    });

    expect(usesBus(manifest)).toBe(false);
    expect(accessOf(manifest)).toEqual({ publish: [], subscribe: [], request: [], call: [], serve: false });
  });
});
