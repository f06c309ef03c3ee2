import type { Client } from "@signalbox/client";
import { isFinal, STEP_TRANSITIONS, type Session, type StepDetails } from "@signalbox/protocol";

import { CommandError } from "../errors.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import { exitOfSession } from "../sessions/session-exit.ts";

/** A terminal that can be joined. */
export interface FoundTerminal {
  /** As the socket of sessions knows it. */
  readonly id: string;
  /** The exit code that stands for how it ended. */
  readonly exitCode: () => Promise<number>;
}

/** The terminal of a session, or of a step of a run: the one at work, or else the last one that was. */
export async function findTerminal(client: Client, id: string, step: string | undefined): Promise<FoundTerminal> {
  if (id.startsWith("ses_")) {
    const session = await client.sessions.get(id);
    return { id: session.sessionId, exitCode: async () => codeOfSession(await client.sessions.get(id)) };
  }
  const { steps } = await client.runs.get(id);
  const found = chooseStep(steps, step);
  if (!found) {
    const words = step === undefined ? `no step of ${id} has a terminal` : `the step ${step} of ${id} has no terminal`;
    throw new CommandError(words, { code: "NO_TERMINAL", hint: 'a command gets one by "terminal" in its inputs' });
  }
  return { id: found.id, exitCode: async () => codeOfStep(await client.runs.step(id, found.name)) };
}

function chooseStep(steps: readonly StepDetails[], name: string | undefined): StepDetails | undefined {
  const own = steps.filter((step) => step.inputs["terminal"] !== undefined);
  if (name !== undefined) return own.find((step) => step.name === name || step.id === name);
  const isOver = ({ status }: StepDetails): boolean => isFinal(STEP_TRANSITIONS, status);
  const atWork = own.find((step) => step.attempts.length > 0 && !isOver(step));
  return atWork ?? own.find((step) => !isOver(step)) ?? own.at(-1);
}

function codeOfSession(session: Session): number {
  return EXIT_CODES[exitOfSession(session)].code;
}

/** A command's own exit code, where it had one. */
function codeOfStep({ status, attempts }: StepDetails): number {
  if (status === "succeeded") return EXIT_CODES.succeeded.code;
  return attempts.at(-1)?.exitCode || (status === "cancelled" ? EXIT_CODES.cancelled.code : EXIT_CODES.failed.code);
}
