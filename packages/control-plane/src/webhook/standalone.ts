import { limitsWith } from "@signalbox/protocol";

import { silentLogger } from "../logger.ts";
import { SecretVault } from "../project/secret-vault.ts";
import type { SessionHandlerDeps } from "../session/session-handler.ts";
import { AddressGuard } from "./address-guard.ts";
import { Poster } from "./post-message.ts";
import { WebhookHandler } from "./webhook-handler.ts";
import { WebhookSecrets } from "./webhook-secrets.ts";
import { WebhookWorker } from "./webhook-worker.ts";

/** A `WebhookHandler` beside a session handler that stands by itself. It knows no names, so that it posts to nobody. */
export function standaloneWebhooks({
  store,
  clock,
  ids,
}: Pick<SessionHandlerDeps, "store" | "clock" | "ids">): WebhookHandler {
  const limits = limitsWith();
  const resolve = async () => [];
  const poster = new Poster({ guard: new AddressGuard(), limits, clock, resolve });
  const secrets = new WebhookSecrets(new SecretVault({ store, key: crypto.getRandomValues(new Uint8Array(32)) }));
  const worker = new WebhookWorker({
    store,
    clock,
    random: Math.random,
    limits,
    poster,
    secrets,
    logger: silentLogger,
  });
  return new WebhookHandler({ store, clock, ids, secrets, poster, worker });
}
