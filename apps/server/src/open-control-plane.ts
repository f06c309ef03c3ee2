import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { createControlPlane, type ControlPlane } from "@signalbox/control-plane";
import { limit } from "@signalbox/protocol";
import { openSignalboxStore } from "@signalbox/store/sqlite";
import type { Logger } from "pino";

import type { ServerConfig } from "./config.ts";
import { readIfThere, writePrivately } from "./private-file.ts";

/** A control plane with what it stands on. */
export interface OpenedControlPlane {
  readonly controlPlane: ControlPlane;
  /** Tells once when the store has failed for good. */
  onFatal(listener: (error: Error) => void): void;
  close(): Promise<void>;
}

/** The file in the data directory with the key that seals the secrets of projects and webhooks. Without it they are lost. */
const SECRETS_KEY_FILE = "secrets-key";
const KEY_BYTES = 32;

/** Opens the store of the data directory and the control plane on it. */
export async function openControlPlane(config: ServerConfig, logger: Logger): Promise<OpenedControlPlane> {
  await using cleanup = new AsyncDisposableStack();
  // Opening the store makes the directory and locks it, so nobody else makes a key at the same time.
  const store = cleanup.use(
    await openSignalboxStore({
      directory: config.dataDir,
      reserveBytes: config.limits?.["disk.reserveBytes"] ?? limit("disk.reserveBytes"),
    }),
  );
  const secretsKey = await ensureSecretsKey(config.dataDir);
  const controlPlane = cleanup.use(
    await createControlPlane({
      store,
      secretsKey,
      logger,
      webhook: {
        allowedNetworks: config.webhookNetworks,
        allowedPorts: config.webhookPorts,
        networkPorts: config.webhookNetworkPorts,
        authorities: config.webhookAuthorities,
      },
      ...(config.limits === undefined ? {} : { limits: config.limits }),
    }),
  );
  const refusal = await controlPlane.webhooks.declare(config.webhook);
  if (refusal !== undefined)
    logger.warn({ url: config.webhook?.url, refusal }, "the webhook of the settings leads to where posts may not go");
  const owned = cleanup.move();
  return { controlPlane, onFatal: (listener) => void store.onFatal(listener), close: () => owned.disposeAsync() };
}

async function ensureSecretsKey(dataDir: string): Promise<Uint8Array> {
  const file = join(dataDir, SECRETS_KEY_FILE);
  const before = await readIfThere(file);
  if (before === undefined) {
    const key = randomBytes(KEY_BYTES);
    await writePrivately(file, `${key.toString("hex")}\n`);
    return key;
  }
  const key = Buffer.from(before, "hex");
  if (key.length !== KEY_BYTES) throw new Error(`${file} does not hold a key of ${KEY_BYTES} bytes in hex`);
  return key;
}
