import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";

import { verifyWebhook, type WebhookProblem } from "./index.ts";

const SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW = 1_800_000_000_000;
const BODY = JSON.stringify({
  id: "whd_1",
  event_type: "approval.requested",
  created_at: "2027-01-15T08:00:00.000Z",
  org_id: "default",
  payload: { action: "grüße" },
});

function received(over: { secret?: string; body?: string; id?: string; atMs?: number } = {}) {
  const { secret = SECRET, body = BODY, id = "whd_1", atMs = NOW } = over;
  const signature = new Webhook(secret).sign(id, new Date(atMs), body);
  const timestamp = String(Math.floor(atMs / 1_000));
  const headers = { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature };
  return { body, headers };
}

function verify(post: Parameters<typeof verifyWebhook>[0], secret: string | string[] = SECRET) {
  return verifyWebhook(post, { secret, now: () => NOW });
}

describe("verifyWebhook", () => {
  it("gives what the published library of Standard Webhooks signed", async () => {
    expect(await verify(received())).toEqual(JSON.parse(BODY));
  });

  it("takes bytes, the headers of fetch, and several secrets", async () => {
    const { body, headers } = received();

    const message = await verify({ body: new TextEncoder().encode(body), headers: new Headers(headers) }, [
      OTHER,
      SECRET,
    ]);

    expect(message.event_type).toBe("approval.requested");
  });

  it("takes the one signature of several that was made with its secret", async () => {
    const { body, headers } = received();
    const signature = `v1a,${"A".repeat(86)}== ${received({ secret: OTHER }).headers["webhook-signature"]} ${headers["webhook-signature"]}`;

    await expect(verify({ body, headers: { ...headers, "webhook-signature": signature } })).resolves.toBeDefined();
  });

  it.each([
    ["at the edge of what is too old", -300_000],
    ["at the edge of what is too new", 300_000],
  ])("takes a post %s", async (_, offMs) => {
    await expect(verify(received({ atMs: NOW + offMs }))).resolves.toBeDefined();
  });

  const good = received();
  it.each<[string, Parameters<typeof verifyWebhook>[0], WebhookProblem]>([
    ["signed with another secret", received({ secret: OTHER }), "wrong_signature"],
    ["with another body", { ...good, body: BODY.replace("grüße", "greetings") }, "wrong_signature"],
    ["with a blank more", { ...good, body: `${BODY} ` }, "wrong_signature"],
    ["under another id", { ...good, headers: { ...good.headers, "webhook-id": "whd_2" } }, "wrong_signature"],
    [
      "at another time",
      { ...good, headers: { ...good.headers, "webhook-timestamp": "1799999999" } },
      "wrong_signature",
    ],
    ["without a signature of this scheme", withSignature("v2,abc"), "wrong_signature"],
    ["with half a signature", withSignature(good.headers["webhook-signature"].slice(0, 20)), "wrong_signature"],
    ["with an empty signature", withSignature(""), "missing_header"],
    ["without any header", { ...good, headers: {} }, "missing_header"],
    ["signed long ago", received({ atMs: NOW - 301_000 }), "too_old"],
    ["signed in the future", received({ atMs: NOW + 301_000 }), "too_new"],
    [
      "with a time in words",
      { ...good, headers: { ...good.headers, "webhook-timestamp": "now" } },
      "invalid_timestamp",
    ],
    ["that is signed and no JSON", received({ body: "{" }), "invalid_body"],
    ["that is signed and no message", received({ body: "{}" }), "invalid_body"],
    ["that is signed and speaks of another id", received({ id: "whd_2" }), "invalid_body"],
  ])("refuses a post %s", async (_, post, problem) => {
    await expect(verify(post)).rejects.toMatchObject({ name: "WebhookVerificationError", problem });
  });

  it.each([[""], ["whsec_"], ["whsec_not base 64"]])("refuses the secret %j", async (secret) => {
    await expect(verify(received(), secret)).rejects.toMatchObject({ problem: "invalid_secret" });
  });
});

function withSignature(signature: string) {
  const { body, headers } = received();
  return { body, headers: { ...headers, "webhook-signature": signature } };
}
