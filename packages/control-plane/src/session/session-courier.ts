import {
  parseAttemptId,
  readCommands,
  readSession,
  sessionIdOf,
  whyAnswerLapsed,
  type SignalboxStore,
} from "@signalbox/store";
import type { SessionCommand, TerminalCommand } from "@signalbox/protocol";

import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { Fleet } from "../runner/fleet.ts";
import type { SessionLog } from "./session-log.ts";

/** Carries what sessions are told to the runners that hold them: at once, and again after a runner has come back. */
export class SessionCourier {
  readonly #store: SignalboxStore;
  readonly #clock: Clock;
  readonly #fleet: Fleet;
  readonly #logger: Logger;

  constructor(deps: {
    readonly store: SignalboxStore;
    readonly clock: Clock;
    readonly fleet: Fleet;
    readonly sessionLog: SessionLog;
    readonly logger: Logger;
  }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#fleet = deps.fleet;
    this.#logger = deps.logger;
    deps.sessionLog.on("commands", (holder, commands, taken) => {
      for (const { seq, command } of commands) this.#send(holder.runnerId, holder, { seq, taken, command });
    });
  }

  /** Tells a runner that has come back what it may not have heard of an attempt that it still holds. */
  async repeat(runnerId: string, held: { readonly attemptId: string; readonly epoch: number }): Promise<void> {
    const place = parseAttemptId(held.attemptId);
    if (!place) return;
    const sessionId = sessionIdOf(place.runId, place.stepIndex);
    const row = await this.#store.get<{ org_id: string }>("SELECT org_id FROM sessions WHERE id = ?", sessionId);
    if (!row) return;
    const session = await this.#store.view(() => readSession(sessionId, row.org_id));
    const progress = session && (JSON.parse(session.progress) as { attemptId: string | null; taken: number });
    if (progress?.attemptId !== held.attemptId) return;
    const { taken } = progress;
    for (const { seq, command } of await this.#store.view(() => readCommands(sessionId, taken))) {
      // Written by saveSession.
      const told = await this.#asItCounts(JSON.parse(command) as SessionCommand, row.org_id);
      this.#send(runnerId, held, { seq, taken, command: told });
    }
  }

  /** A yes counts when it arrives. Of one that was held up, whoever said it must be able to say it still; else it is a no. */
  async #asItCounts(command: SessionCommand, orgId: string): Promise<SessionCommand> {
    if (command.kind !== "answer" || command.decision !== "allow") return command;
    const at = { orgId, now: this.#clock.now() };
    const lapsed = await this.#store.view(() => whyAnswerLapsed(command.approvalId, at));
    return lapsed === undefined ? command : { ...command, decision: "deny", isLapsed: true };
  }

  /** Passes on what somebody does at a terminal. False when its runner is not connected. */
  atTerminal(
    holder: { readonly attemptId: string; readonly epoch: number; readonly runnerId: string },
    command: TerminalCommand,
  ): boolean {
    const runner = this.#fleet.get(holder.runnerId);
    if (!runner) return false;
    runner.channel.send({
      type: "terminal_command",
      attemptId: holder.attemptId,
      epoch: holder.epoch,
      command,
    });
    return true;
  }

  #send(
    runnerId: string,
    { attemptId, epoch }: { readonly attemptId: string; readonly epoch: number },
    told: { readonly seq: number; readonly taken: number; readonly command: SessionCommand },
  ): void {
    const runner = this.#fleet.get(runnerId);
    if (runner) runner.channel.send({ type: "session_command", attemptId, epoch, ...told });
    else this.#logger.debug({ runner: runnerId, attempt: attemptId, seq: told.seq }, "told when its runner is back");
  }
}
