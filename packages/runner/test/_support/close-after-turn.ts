import { SessionFactSchema } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";

import type { FakeAttempt, FakeControlPlane } from "./fake-control-plane.ts";

/** Does what a control plane does with a task: closes its session when the turn is over. */
export async function closeAfterTurn(fake: FakeControlPlane, attempt: FakeAttempt): Promise<void> {
  const { attemptId, epoch } = attempt.grant;
  const end = await eventually(
    () => attempt.result !== undefined || factsOf(fake, attempt).find(({ fact }) => fact === "turn_ended"),
  );
  if (end === true || end.fact !== "turn_ended") return;
  const reason = end.status === "completed" ? "finished" : "agent_failed";
  const message = end.error === undefined ? {} : { message: end.error };
  fake.send({
    type: "session_command",
    attemptId,
    epoch,
    seq: 1,
    taken: 0,
    command: { kind: "close", reason, ...message },
  });
}

function factsOf(fake: FakeControlPlane, attempt: FakeAttempt) {
  const lines = fake.text(attempt, "session").split("\n").slice(0, -1);
  return lines.map((line) => SessionFactSchema.parse(JSON.parse(line)));
}
