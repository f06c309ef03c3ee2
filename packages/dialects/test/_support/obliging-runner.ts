import type { ControlPlane, RunnerSession } from "@signalbox/control-plane";
import type { ControlMessage, RunnerMessage } from "@signalbox/protocol";

/** A runner in this process that takes every step it is offered and succeeds at it at once. */
export async function attachObligingRunner(controlPlane: ControlPlane): Promise<void> {
  const registered = await controlPlane.runners.registerRunner({
    hostname: "obliging",
    capabilities: { providers: ["scripted"], features: [] },
  });
  if (!registered.success) throw new Error(registered.error.message);
  const { runnerId } = registered.data;
  const tell = (...messages: RunnerMessage[]) =>
    // The control plane is not called from inside its own send.
    setImmediate(() => void handleInOrder(messages));
  const handleInOrder = async (messages: readonly RunnerMessage[]) => {
    for (const message of messages) await session.handle(message);
  };

  const receive = (message: ControlMessage): void => {
    if (message.type === "offer") tell({ type: "accept", offerId: message.offerId, attemptId: message.attemptId });
    if (message.type !== "start") return;
    const { attemptId, epoch, envelopeHash } = message.grant;
    const sandbox = { engine: "none", network: "host" };
    const result = { outcome: "succeeded" as const, exitCode: 0, streams: [], artifacts: [] };
    tell({ type: "started", attemptId, epoch, envelopeHash, sandbox }, { type: "finish", attemptId, epoch, result });
  };
  const session: RunnerSession = controlPlane.attach({
    runnerId,
    orgId: "default",
    connectionId: "con_test",
    channel: { send: receive, close: () => {} },
    providers: new Set(["scripted"]),
    features: new Set(),
    labels: {},
    slots: 5,
    held: new Set(),
    isDraining: false,
    isDeaf: false,
  });
}
