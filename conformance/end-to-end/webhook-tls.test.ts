import { writeFile } from "node:fs/promises";

import { eventually, selfSigned, tempDir, testAuthority } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { create, newest, startWebhookEnv } from "../_support/webhook-env.ts";
import { isBelieved, WebhookReceiver } from "../_support/webhook-receiver.ts";

const LONG = { timeoutMs: 20_000 };
const HERE = { names: ["127.0.0.1"] };
const HOUR_MS = 3_600_000;

describe("a webhook whose receiver speaks TLS", () => {
  it(
    "is told where the operator trusts its authority, and says what is wrong elsewhere",
    { timeout: 60_000 },
    async () => {
      await using dir = await tempDir();
      const authority = testAuthority();
      await writeFile(dir.file("authority.pem"), authority.cert);
      await using env = await startWebhookEnv({ serverEnv: { SIGNALBOX_WEBHOOK_CA_FILE: dir.file("authority.pem") } });
      await using good = await WebhookReceiver.open(authority.issue(HERE));
      await using all = new AsyncDisposableStack();
      const expired = { notBefore: new Date(Date.now() - 2 * HOUR_MS), notAfter: new Date(Date.now() - HOUR_MS) };
      const wrong = {
        certificate_self_signed: selfSigned(HERE),
        certificate_untrusted: testAuthority("Another authority").issue(HERE),
        certificate_wrong_name: authority.issue({ names: ["other.example"] }),
        certificate_expired: authority.issue({ ...HERE, ...expired }),
      };

      const hook = await create(env.client, good.url);
      await env.client.webhooks.test(hook.id);
      await eventually(async () => (await newest(env.client, hook))?.state === "delivered", LONG);
      const errors: Record<string, string | undefined> = {};
      const posted: string[] = [];
      for (const [name, certificate] of Object.entries(wrong)) {
        const receiver = all.use(await WebhookReceiver.open(certificate));
        const { id } = await create(env.client, receiver.url);
        await env.client.webhooks.test(id);
        errors[name] = await eventually(async () => (await newest(env.client, { id }))?.lastError, LONG);
        posted.push(...receiver.types);
      }

      expect(good.types).toEqual(["webhook.test"]);
      expect(isBelieved(good.posts[0]!, hook.secret)).toBe(true);
      expect(errors).toEqual(Object.fromEntries(Object.keys(wrong).map((name) => [name, name])));
      expect(posted).toEqual([]);
    },
  );
});
