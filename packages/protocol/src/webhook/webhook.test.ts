import { describe, expect, it } from "vitest";

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
