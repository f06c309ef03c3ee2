import { describe, expect, it } from "vitest";

import { natsPermissions } from "./nats-permissions.ts";

describe("natsPermissions", () => {
  it("has what a plugin may send under its own name, and what it may hear", () => {
    const permissions = natsPermissions(
      "billing",
      { publish: ["orders.*"], subscribe: ["system/broadcast"], request: ["crm"], call: ["*"], serve: true },
      { prefix: "acme" },
    );

    expect(permissions).toEqual({
      publish: {
        allow: [
          "acme.pub.billing.plugin.billing.>",
          "acme.to.*.billing.plugin.billing.>",
          "acme.pub.billing.orders.*",
          "acme.to.*.billing.orders.*",
          "acme.ask.billing.billing",
          "acme.ask.crm.billing",
          "acme.call.billing.billing",
          "acme.call.*.billing",
          "acme.cancel.billing.billing",
          "acme.cancel.crm.billing",
          "acme.cancel.*.billing",
        ],
        deny: [
          "acme.pub.billing.system",
          "acme.to.*.billing.system",
          "acme.pub.billing.system.>",
          "acme.to.*.billing.system.>",
          "acme.pub.billing.routing",
          "acme.to.*.billing.routing",
          "acme.pub.billing.routing.>",
          "acme.to.*.billing.routing.>",
        ],
      },
      subscribe: {
        allow: [
          "acme.pub.*.plugin.billing.>",
          "acme.pub.*.system.broadcast",
          "acme.to.billing.*.>",
          "acme.ask.billing.*",
          "acme.cancel.billing.*",
          "acme.call.billing.*",
          "acme.inbox.billing.>",
        ],
      },
      allow_responses: { max: 1, expires: "86400000ms" },
    });
  });

  it("opens reserved topics to the host of the plugins alone", () => {
    expect(natsPermissions("system", { publish: ["**"] }).publish.deny).toEqual([]);
    expect(natsPermissions("billing", { publish: ["**"] }).publish.deny).toHaveLength(8);
  });

  it("refuses what is no plugin, pattern or prefix", () => {
    expect(() => natsPermissions("a.b", {})).toThrow(expect.objectContaining({ code: "INVALID_PLUGIN_ID" }));
    expect(() => natsPermissions("a", { publish: ["a.>.b"] })).toThrow(
      expect.objectContaining({ code: "INVALID_TOPIC" }),
    );
    expect(() => natsPermissions("a", { call: [">"] })).toThrow(expect.objectContaining({ code: "INVALID_PLUGIN_ID" }));
    expect(() => natsPermissions("a", {}, { prefix: ">" })).toThrow(TypeError);
  });
});
