import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import {
  CONTROL_SUBPROTOCOL,
  enrolmentPreimage,
  helloPreimage,
  OUTPUT_SUBPROTOCOL,
  RUNNER_PATHS,
  type ControlMessage,
} from "@signalbox/protocol";
import { WebSocket } from "ws";

import type { SignalboxServer } from "../harness/signalbox.ts";

/** Where a server is, and how its API is asked. */
export type ServerDoor = Pick<SignalboxServer, "url" | "call">;

/** A machine that is enrolled and connected as the real ones are, with both channels, and does nothing. */
export async function connectFakeRunner(server: ServerDoor, number: number): Promise<() => void> {
  const { control, output } = await dialFakeRunner(server, number);
  return () => {
    output.terminate();
    control.terminate();
  };
}

/** The two channels of a machine that does nothing by itself. */
export async function dialFakeRunner(
  server: ServerDoor,
  number: number,
): Promise<{ readonly control: WebSocket; readonly output: WebSocket }> {
  const { privateKey, publicKey: key } = generateKeyPairSync("ed25519");
  const publicKey = key.export({ type: "spki", format: "der" }).toString("base64");
  const signed = (text: string) => sign(null, Buffer.from(text), privateKey).toString("base64");
  const capabilities = { providers: ["scripted"], maxConcurrentSessions: 5, features: [] };

  const { token } = await server.call<{ token: string }>("POST", "/runners/enrolment-tokens", {});
  const proof = signed(enrolmentPreimage(token, publicKey));
  const runnerId = await enrol(server, { hostname: `bench-${number}`, capabilities, token, publicKey, proof });

  const address = server.url.replace("http", "ws");
  const control = new WebSocket(`${address}${RUNNER_PATHS.control}`, CONTROL_SUBPROTOCOL);
  const challenge = await nextMessage(control, "challenge");
  const hello = {
    type: "hello",
    protocol: { min: 1, max: 1 },
    runnerId,
    signature: signed(helloPreimage(challenge.nonce, runnerId)),
  };
  control.send(
    JSON.stringify({
      ...hello,
      features: [],
      capabilities,
      runtimeVersions: { node: process.versions.node },
      attempts: [],
    }),
  );
  const { connectionToken } = await nextMessage(control, "welcome");
  const headers = { authorization: `Bearer ${connectionToken}` };
  const output = new WebSocket(`${address}${RUNNER_PATHS.output}`, OUTPUT_SUBPROTOCOL, { headers });
  await once(output, "open");
  return { control, output };
}

/** Strangers may knock so often in a second only. */
async function enrol(server: ServerDoor, request: object): Promise<string> {
  for (;;) {
    const response = await fetch(`${server.url}${RUNNER_PATHS.enrol}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    const answer = (await response.json()) as { data?: { runnerId: string } };
    if (answer.data) return answer.data.runnerId;
    if (response.status !== 429) throw new Error(`enrolment: ${response.status} ${JSON.stringify(answer)}`);
    await sleep(200);
  }
}

async function nextMessage<Type extends ControlMessage["type"]>(
  socket: WebSocket,
  type: Type,
): Promise<Extract<ControlMessage, { type: Type }>> {
  const [data] = (await once(socket, "message")) as [Buffer];
  const message = JSON.parse(data.toString()) as ControlMessage;
  if (message.type !== type) throw new Error(`expected ${type}, got ${data.toString()}`);
  // Its type was compared just now.
  return message as Extract<ControlMessage, { type: Type }>;
}
