import { Backoff } from "../link/backoff.ts";
import type { Logger } from "../logger.ts";
import { delay, type Clock } from "../process/clock.ts";
import type { RunnerConfig } from "../runner-config.ts";
import { enrol, EnrolmentError, type MachineFacts } from "./enrol.ts";
import { loadIdentity, saveIdentity, type RunnerIdentity } from "./identity.ts";

/**
 * Who this machine is: as it was enrolled before, or else enrolled now, trying until the server is there. Refuses with
 * `EnrolmentError` when there is no token, when the server says no, and when the data belongs to another server.
 */
export async function enrolledIdentity(request: {
  readonly config: RunnerConfig;
  readonly server: URL;
  readonly facts: MachineFacts;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Promise<RunnerIdentity> {
  const { config, server, facts, clock, random, logger, signal } = request;
  const { key, enrolled } = await loadIdentity(config.dataDir);
  if (enrolled && new URL(enrolled.serverUrl).origin !== server.origin) {
    const message = `${config.dataDir} belongs to runner ${enrolled.runnerId} of ${enrolled.serverUrl}, not of ${server.origin}`;
    throw new EnrolmentError("other_server", message, false);
  }
  if (enrolled) return { ...enrolled, key };

  const token = config.enrolmentToken;
  if (token === undefined)
    throw new EnrolmentError("no_token", "this machine is not enrolled yet, and no enrolment token was given", false);
  const backoff = new Backoff({ random });
  for (;;) {
    try {
      const identity = { ...(await enrol({ server, token, key, facts, signal })), serverUrl: server.href };
      await saveIdentity(config.dataDir, identity);
      logger.info({ runnerId: identity.runnerId }, "enrolled");
      return { ...identity, key };
    } catch (error) {
      if (!(error instanceof EnrolmentError) || !error.isRetryable) throw error;
      logger.warn({ reason: error.message }, "not enrolled yet; trying again");
      await delay(clock, backoff.next());
      signal.throwIfAborted();
    }
  }
}
