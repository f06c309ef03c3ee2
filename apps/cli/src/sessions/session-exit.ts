import type { Session } from "@signalbox/protocol";

/** What the exit code of a command says that followed a session to its end. One that somebody stopped did not do its work. */
export function exitOfSession({
  state,
  reason,
}: Pick<Session, "state" | "reason">): "succeeded" | "cancelled" | "failed" {
  if (state !== "COMPLETED") return "failed";
  return reason === "stopped" ? "cancelled" : "succeeded";
}
