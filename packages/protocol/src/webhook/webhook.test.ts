import { describe, expect, it } from "vitest";

import * as protocol from "../index.ts";
import {
  CreateWebhookRequestSchema,
  DEFAULT_WEBHOOK_FILTERS,
  foldWebhook,
  wantsEvent,
  WEBHOOK_EVENT_TYPES,
  webhookKey,
} from "../index.ts";

const URL = "https://hooks.example/in";

describe("wantsEvent", () => {
  it.each([
    [["run.failed"], "run.failed", true],
    [["run.failed"], "run.succeeded", false],
    [["approval.*"], "approval.requested", true],
    [["approval.*"], "run.failed", false],
    [["*"], "session.state_changed", true],
    [["*"], "step.progress", false],
    [["*"], "attempt.leased", false],
    [["*"], "webhook.deleted", false],
    [[], "run.failed", false],
  ])("of %j for %s is %s", (filters, type, wanted) => {
    expect(wantsEvent(filters, type)).toBe(wanted);
  });

  it("is true of nothing that the defaults do not name", () => {
    const wanted = [...WEBHOOK_EVENT_TYPES].filter((type) => wantsEvent(DEFAULT_WEBHOOK_FILTERS, type));

    expect(wanted).toContain("gate.pending");
    expect(wanted).toContain("approval.resolved");
    expect(wanted).not.toContain("session.state_changed");
  });
});

describe("WEBHOOK_EVENT_TYPES", () => {
  // Whoever adds a table of events decides here whether others can be told of them.
  it("has every event of every table but those of webhooks and those that stay inside", () => {
    const tables = Object.entries(protocol).filter(
      ([name, value]) => name.endsWith("_EVENTS") && !(value instanceof Set),
    );
    const types = tables.flatMap(([, table]) => Object.keys(table as object));

    const left = types.filter((type) => !WEBHOOK_EVENT_TYPES.has(type) && !type.startsWith("webhook."));

    expect(tables.length).toBeGreaterThanOrEqual(5);
    expect(left.toSorted()).toEqual([
      "attempt.ended",
      "attempt.leased",
      "input.queued",
      "input.reordered",
      "input.returned",
      "input.taken",
      "input.withdrawn",
      "step.progress",
      "usage.updated",
    ]);
  });

  it("can be asked for by family, whatever families there are", () => {
    const families = new Set([...WEBHOOK_EVENT_TYPES].map((type) => `${type.slice(0, type.indexOf("."))}.*`));

    for (const events of [...families].map((family) => [family]))
      expect(CreateWebhookRequestSchema.safeParse({ url: URL, events }).success).toBe(true);
  });
});

describe("CreateWebhookRequestSchema", () => {
  it("needs a URL and nothing else", () => {
    expect(CreateWebhookRequestSchema.parse({ url: URL })).toEqual({ url: URL, events: [...DEFAULT_WEBHOOK_FILTERS] });
  });

  it.each([
    [{ url: "ftp://hooks.example/" }],
    [{ url: "file:///etc/passwd" }],
    [{ url: "https://user@hooks.example/" }],
    [{ url: "https://user:word@hooks.example/" }],
    [{ url: "https://hooks.example/#here" }],
    [{ url: "https://hooks.example/#" }],
    [{ url: "hooks.example" }],
    [{ url: `https://hooks.example/${"x".repeat(2_048)}` }],
    [{ url: URL, events: [] }],
    [{ url: URL, events: ["run.exploded"] }],
    [{ url: URL, events: ["run*"] }],
    [{ url: URL, events: ["nothing.*"] }],
    [{ url: URL, events: [".*"] }],
    [{ url: URL, events: ["step.progress"] }],
    [{ url: URL, events: ["webhook.test"] }],
    [{ url: URL, secret: "too short" }],
    [{ url: URL, secret: "whsec_c2hvcnQ=" }],
    [{ url: URL, secret: "whsec_not base 64, at all!" }],
    [{ url: URL, secret: "with a blank in its middle" }],
    [{ url: URL, more: true }],
  ])("refuses %j", (request) => {
    expect(CreateWebhookRequestSchema.safeParse(request).success).toBe(false);
  });
});

describe("webhookKey", () => {
  it("is what base 64 says after whsec_, else the bytes of the text", () => {
    expect(Buffer.from(webhookKey("whsec_AAEC")!)).toEqual(Buffer.from([0, 1, 2]));
    expect(Buffer.from(webhookKey("plain-text-secret")!).toString()).toBe("plain-text-secret");
  });
});

describe("foldWebhook", () => {
  const made = { seq: 1, type: "webhook.created", data: { url: URL, events: ["*"] } } as const;

  it("follows its life and what it asks for", () => {
    const folded = foldWebhook([
      made,
      { seq: 2, type: "webhook.changed", data: { url: `${URL}/2`, events: ["run.*"] } },
      { seq: 3, type: "webhook.disabled", data: {} },
      { seq: 4, type: "webhook.enabled", data: {} },
      { seq: 5, type: "webhook.secret_rotated", data: {} },
    ]);

    expect(folded).toEqual({ state: "active", url: `${URL}/2`, events: ["run.*"], illegal: [] });
  });

  it("names what cannot have been", () => {
    const folded = foldWebhook([
      made,
      { seq: 2, type: "webhook.enabled", data: {} },
      { seq: 3, type: "webhook.deleted", data: {} },
      { seq: 4, type: "webhook.secret_rotated", data: {} },
    ]);

    expect(folded.illegal.map(({ seq }) => seq)).toEqual([2, 4]);
  });
});
