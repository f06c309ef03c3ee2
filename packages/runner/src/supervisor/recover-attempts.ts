import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { killMarked } from "../guard/kill-marked.ts";
import type { Logger } from "../logger.ts";
import type { Clock } from "../process/clock.ts";
import { AttemptSpool, type AttemptSpoolSettings } from "./attempt-spool.ts";

/**
 * What an earlier process of this runner left behind: the spools of attempts whose end the control plane has not
 * acknowledged. Processes of those attempts that still live are killed first, so that what is reported as interrupted is.
 */
export async function recoverAttempts(request: {
  readonly root: string;
  readonly settings: AttemptSpoolSettings;
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<AttemptSpool[]> {
  const { root, settings, clock, logger } = request;
  const names = await readdir(root).catch(() => []);
  const recovered = names.map(async (name) => {
    const directory = join(root, name);
    try {
      const spool = await AttemptSpool.recover(directory, settings);
      if (spool) await killLeftovers(spool.attemptId, clock, logger);
      else await rm(directory, { recursive: true, force: true });
      return spool;
    } catch (error) {
      logger.error({ error, name }, "a spool cannot be read; it is left as it is");
      return undefined;
    }
  });
  return (await Promise.all(recovered)).filter((spool) => spool !== undefined);
}

async function killLeftovers(attemptId: string, clock: Clock, logger: Logger): Promise<void> {
  const { killed, survivors } = await killMarked({ attemptId, clock });
  if (killed.length + survivors.length > 0)
    logger.warn({ attemptId, killed, survivors }, "processes of an earlier runner were still there");
}
