import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";

import {
  CONTROL_SUBPROTOCOL,
  ControlMessageSchema,
  enrolmentPreimage,
  helloPreimage,
  OUTPUT_SUBPROTOCOL,
  OutputAnswerSchema,
  RUNNER_PATHS,
  type ControlMessage,
  type ControlMessageOf,
  type OutputAnswer,
  type RunnerMessage,
  type RunnerMessageOf,
} from "@signalbox/protocol";
import { eventually, listen, type Listening } from "@signalbox/testkit";
import { createServer } from "node:http";
import { WebSocket } from "ws";

import type { RequestContext } from "../../src/index.ts";
import { dataOf, type Rig } from "./rig.ts";

/** The runner paths of a rig's control plane on a real port. */
export async function serve(rig: Rig): Promise<Listening> {
  const server = createServer((_, response) => response.writeHead(404).end());
  server.on("upgrade", (request, socket, head) => {
    if (!rig.plane.link.handleUpgrade(request, socket, head)) socket.destroy();
  });
  return listen(server);
}

/** Who a machine is: its id and its key. */
export interface Identity {
  readonly runnerId: string;
  readonly privateKey: KeyObject;
}

/** A new Ed25519 key, with its public half as the wire has it. */
export function newKey(): { publicKey: string; privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { publicKey: publicKey.export({ format: "der", type: "spki" }).toString("base64"), privateKey };
}

/** Signs a text as a runner does. */
export function signed(text: string, privateKey: KeyObject): string {
  return sign(null, Buffer.from(text), privateKey).toString("base64");
}

/** Takes a machine into the fleet the way that real ones come: with a token and a key of its own. */
export async function enrol(
  rig: Rig,
  labels: Record<string, string> = {},
  context?: RequestContext,
): Promise<Identity> {
  const { token } = dataOf(await rig.plane.runners.createEnrolmentToken({ labels }, context));
  const { publicKey, privateKey } = newKey();
  const proof = signed(enrolmentPreimage(token, publicKey), privateKey);
  const { runnerId } = dataOf(
    await rig.plane.runners.enrolRunner({ token, publicKey, proof, hostname: "machine", capabilities: {} }),
  );
  return { runnerId, privateKey };
}

/** One WebSocket, with all that came over it. */
export class Socket implements AsyncDisposable {
  readonly messages: string[] = [];
  readonly ws: WebSocket;
  /** How it ended. */
  closed: { code: number; reason: string } | undefined;
  /** The status with which the upgrade was refused. */
  refusedWith: number | undefined;

  constructor(url: string, protocol: string, headers: Record<string, string> = {}) {
    this.ws = new WebSocket(url.replace("http", "ws"), protocol, { headers });
    this.ws.on("message", (message: Buffer) => this.messages.push(message.toString()));
    this.ws.on("close", (code, reason) => (this.closed = { code, reason: reason.toString() }));
    this.ws.on("unexpected-response", (request, response) => {
      this.refusedWith = response.statusCode;
      request.destroy();
    });
    this.ws.on("error", () => {});
  }

  send(message: object | string | Uint8Array): void {
    this.ws.send(typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  closeCode(): Promise<number> {
    return eventually(() => this.closed?.code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ws.terminate();
  }
}

/** The control channel of a runner over a real socket. It says nothing that a test does not say. */
export class LinkedRunner extends Socket {
  readonly #url: string;

  constructor(url: string) {
    super(`${url}${RUNNER_PATHS.control}`, CONTROL_SUBPROTOCOL);
    this.#url = url;
  }

  /** Opens a channel, proves who it is, and waits for the welcome. */
  static async connect(
    url: string,
    identity: Identity,
    hello: Partial<RunnerMessageOf<"hello">> = {},
  ): Promise<LinkedRunner> {
    const runner = new LinkedRunner(url);
    await runner.greet(identity, hello);
    await runner.told("welcome");
    return runner;
  }

  /** Answers the challenge. */
  async greet({ runnerId, privateKey }: Identity, over: Partial<RunnerMessageOf<"hello">> = {}): Promise<void> {
    const { nonce } = await this.told("challenge");
    this.say({
      type: "hello",
      protocol: { min: 1, max: 1 },
      runnerId,
      signature: signed(helloPreimage(nonce, runnerId), privateKey),
      features: [],
      capabilities: { providers: [], features: [] },
      attempts: [],
      ...over,
    });
  }

  say(message: RunnerMessage): void {
    this.send(message);
  }

  heard<Type extends ControlMessage["type"]>(type: Type): ControlMessageOf<Type>[] {
    const heard = this.messages.map((message) => ControlMessageSchema.parse(JSON.parse(message)));
    return heard.filter((message): message is ControlMessageOf<Type> => message.type === type);
  }

  /** The message of a type with this place in order, once it is there. */
  told<Type extends ControlMessage["type"]>(type: Type, place = 0): Promise<ControlMessageOf<Type>> {
    return eventually(() => this.heard(type)[place]);
  }

  /** Opens the output channel with a token: its own by default. */
  async openOutput(token?: string): Promise<OutputSocket> {
    const socket = new OutputSocket(this.#url, token ?? (await this.told("welcome")).connectionToken);
    await eventually(() => socket.ws.readyState === WebSocket.OPEN || socket.refusedWith !== undefined);
    return socket;
  }
}

/** The output channel of a runner over a real socket. */
export class OutputSocket extends Socket {
  constructor(url: string, token?: string) {
    super(
      `${url}${RUNNER_PATHS.output}`,
      OUTPUT_SUBPROTOCOL,
      token === undefined ? {} : { authorization: `Bearer ${token}` },
    );
  }

  get answers(): OutputAnswer[] {
    return this.messages.map((message) => OutputAnswerSchema.parse(JSON.parse(message)));
  }
}
