import { crc32 } from "node:zlib";

import {
  encodeOutputFrame,
  OutputAnswerSchema,
  type ControlMessage,
  type ControlMessageOf,
  type StartGrant,
} from "@signalbox/protocol";

import { dialFakeRunner, type ServerDoor } from "../footprint/fake-runner.ts";

/** A machine that has a command in a terminal, and says of it what it is told. */
export interface PushRunner {
  readonly runId: string;
  /** Bytes that are sent and not acknowledged. */
  readonly unacknowledged: () => number;
  push(bytes: Uint8Array): void;
  close(): void;
}

/** Enrols, takes the one run that is made for it, and holds it. */
export async function openPushRunner(server: ServerDoor): Promise<PushRunner> {
  const { control, output } = await dialFakeRunner(server, 1);
  const granted = Promise.withResolvers<StartGrant>();
  control.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as ControlMessage;
    if (message.type === "offer") accept(message);
    if (message.type === "start") granted.resolve(message.grant);
  });
  const accept = ({ offerId, attemptId }: ControlMessageOf<"offer">): void =>
    control.send(JSON.stringify({ type: "accept", offerId, attemptId }));
  const steps = [{ name: "work", tool: "command", inputs: { shell: "true", terminal: { columns: 80, rows: 24 } } }];
  const { id: runId } = await server.call<{ id: string }>("POST", "/runs", { plan: { goal: "a terminal", steps } });
  const { attemptId, epoch, envelopeHash } = await granted.promise;
  const sandbox = { engine: "none", network: "host" };
  control.send(JSON.stringify({ type: "started", attemptId, epoch, envelopeHash, sandbox }));
  const renewing = setInterval(
    () => control.send(JSON.stringify({ type: "renew", sentAt: Date.now(), attempts: [{ attemptId, epoch }] })),
    5_000,
  );

  let [sent, acknowledged] = [0, 0];
  output.on("message", (data: Buffer) => {
    const answer = OutputAnswerSchema.parse(JSON.parse(data.toString()));
    if (answer.type === "ack") acknowledged = answer.offset;
    else throw new Error(`the server answered ${data.toString()}`);
  });
  return {
    runId,
    unacknowledged: () => sent - acknowledged,
    push(bytes) {
      const frame = { attemptId, epoch, stream: "terminal" as const, offset: sent, length: bytes.length, bytes };
      output.send(encodeOutputFrame({ ...frame, crc32: crc32(bytes) }));
      sent += bytes.length;
    },
    close() {
      clearInterval(renewing);
      output.terminate();
      control.terminate();
    },
  };
}
