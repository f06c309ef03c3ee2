import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";

import { signMessage } from "./sign-message.ts";
import { newWebhookSecret } from "./webhook-secrets.ts";

const BODY = Buffer.from('{"event_type":"run.succeeded","goal":"grüße"}');

function signed(secrets: readonly string[], nowMs = Date.now()) {
  return signMessage({ id: "whd_1", body: BODY, nowMs, secrets });
}

describe("signMessage", () => {
  it("is what the published library of Standard Webhooks verifies", () => {
    const secret = newWebhookSecret();

    expect(new Webhook(secret).verify(BODY.toString(), signed([secret]))).toEqual(JSON.parse(BODY.toString()));
  });

  it("is what that library signs, byte by byte", () => {
    const secret = newWebhookSecret();
    const at = new Date(1_800_000_000_999);

    const theirs = new Webhook(secret).sign("whd_1", at, BODY.toString());

    expect(signed([secret], at.getTime())).toEqual({
      "webhook-id": "whd_1",
      "webhook-timestamp": "1800000000",
      "webhook-signature": theirs,
    });
  });

  it("lets a receiver verify with either secret during a rotation, and with no other", () => {
    const [next, before, stranger] = [newWebhookSecret(), newWebhookSecret(), newWebhookSecret()];
    const headers = signed([next, before]);

    expect(() => new Webhook(next).verify(BODY.toString(), headers)).not.toThrow();
    expect(() => new Webhook(before).verify(BODY.toString(), headers)).not.toThrow();
    expect(() => new Webhook(stranger).verify(BODY.toString(), headers)).toThrow();
  });

  it("signs with the bytes of a secret that is no base 64", () => {
    const secret = "a-plain-text-of-somebody";

    expect(() => new Webhook(secret, { format: "raw" }).verify(BODY.toString(), signed([secret]))).not.toThrow();
  });
});
