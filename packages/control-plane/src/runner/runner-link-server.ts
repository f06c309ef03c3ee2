import { createPublicKey, randomBytes, verify } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import {
  CapabilitiesSchema,
  CONTROL_SUBPROTOCOL,
  helloPreimage,
  limit,
  OUTPUT_SUBPROTOCOL,
  RUNNER_PATHS,
  RunnerMessageSchema,
  type ApiResponse,
  type ControlMessage,
  type IdSource,
  type LimitLookup,
  type RunnerMessage,
  type RunnerMessageOf,
} from "@signalbox/protocol";
import {
  BlobMismatchError,
  BlobTooLargeError,
  InvalidBlobNameError,
  type RunnerRow,
  type SignalboxStore,
} from "@signalbox/store";
import { WebSocketServer, type RawData, type WebSocket } from "ws";

import { answer } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { contentOf, type Content } from "../run/content.ts";
import { slotsOf, type ConnectedRunner, type Fleet, type RunnerChannel } from "./fleet.ts";
import type { AnswerOutput, OutputIntake } from "./output-intake.ts";
import type { RunnerSession } from "./runner-session.ts";

const PROTOCOL = { min: 1, max: 1 } as const;
/** What a runner may say that the first version of the protocol does not have. */
const FEATURES = ["agent_ended"] as const;
const RETRY_AFTER_MS = 1_000;
/** For a peer to answer a close, before its socket is cut. */
const CLOSE_MS = 1_000;

/** What a `RunnerLinkServer` works with. */
export interface RunnerLinkServerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly limits: LimitLookup;
  readonly fleet: Fleet;
  readonly outputIntake: OutputIntake;
  readonly logger: Logger;
  readonly openSession: (runner: ConnectedRunner) => RunnerSession;
  /** Told when a runner has proven who it is, with what it says it can do. */
  readonly onConnected: (runner: RunnerRow, hello: RunnerMessageOf<"hello">) => void;
  /** Told once a runner has been welcomed, with the attempts that it still holds. */
  readonly onReturned: (
    runnerId: string,
    held: readonly { readonly attemptId: string; readonly epoch: number }[],
  ) => void;
}

/** The sockets and blobs of the fleet: what an app mounts under `RUNNER_PATHS`. */
export class RunnerLinkServer {
  readonly #deps: RunnerLinkServerDeps;
  readonly #control = new WebSocketServer({
    noServer: true,
    maxPayload: limit("link.messageBytes"),
    handleProtocols: (offered) => offered.has(CONTROL_SUBPROTOCOL) && CONTROL_SUBPROTOCOL,
  });
  readonly #output = new WebSocketServer({
    noServer: true,
    maxPayload: limit("output.frameBytes") + 4_096,
    handleProtocols: (offered) => offered.has(OUTPUT_SUBPROTOCOL) && OUTPUT_SUBPROTOCOL,
  });
  /** Connection tokens, while their connection lives. */
  readonly #connections = new Map<string, ConnectedRunner>();
  readonly #outputSockets = new Map<string, WebSocket>();
  #isStopped = false;

  constructor(deps: RunnerLinkServerDeps) {
    this.#deps = deps;
  }

  /** Takes an upgrade to one of the runner paths; the app has checked Host and Origin. False: not one of them. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const path = (request.url ?? "").split("?", 1)[0];
    if (path === RUNNER_PATHS.control) this.#upgradeControl(request, socket, head);
    else if (path === RUNNER_PATHS.output) this.#upgradeOutput(request, socket, head);
    else return false;
    return true;
  }

  /** Which runner a connection token belongs to while its connection lives. */
  authenticateConnection(token: string): { runnerId: string; orgId: string } | undefined {
    const runner = this.#connections.get(token);
    return runner && { runnerId: runner.runnerId, orgId: runner.orgId };
  }

  /** Keeps a blob that a connected runner sends. Sending it again is fine. */
  async putBlob(
    sha256: string,
    source: AsyncIterable<Uint8Array>,
    runner: { readonly runnerId: string },
  ): Promise<ApiResponse<{ sha256: string; bytes: number }>> {
    return answer(async () => {
      try {
        const { size } = await this.#deps.store.blobs.put(sha256, source, { maxBytes: limit("blob.bytes") });
        this.#deps.logger.debug({ runner: runner.runnerId, sha256, bytes: size }, "blob kept");
        return { sha256, bytes: size };
      } catch (error) {
        throw refusedBlob(error);
      }
    });
  }

  /** Whether a blob is here, and its bytes. */
  async getBlob(sha256: string, _runner: { readonly runnerId: string }): Promise<ApiResponse<Content>> {
    return answer(async () => {
      try {
        const bytes = await this.#deps.store.blobs.size(sha256);
        if (bytes === undefined) throw new NotFoundError("file", sha256);
        return await contentOf(this.#deps.store.blobs, { path: sha256, bytes, sha256 });
      } catch (error) {
        throw refusedBlob(error);
      }
    });
  }

  /** The output channel of a runner in this process: frames in, answers out. False: not a frame, or a damaged one. */
  openOutput(
    runnerId: string,
    answer: AnswerOutput,
    hold?: (isFull: boolean) => void,
  ): { take(frame: Uint8Array): boolean } {
    return this.#deps.outputIntake.open(runnerId, answer, hold);
  }

  /** Tells a runner that it is out, and closes. */
  retire(runnerId: string, reason: string): void {
    // All its connections, also one that has not been welcomed yet.
    for (const runner of [...this.#connections.values(), this.#deps.fleet.get(runnerId)]) {
      if (runner?.runnerId !== runnerId) continue;
      this.#deps.fleet.disconnect(runner);
      runner.channel.send({ type: "retired", reason });
      runner.channel.close(4010, "retired");
    }
  }

  /** Closes every connection; runners come back on their own. */
  stop(): void {
    this.#isStopped = true;
    for (const runner of this.#connections.values()) {
      runner.channel.send({
        type: "refused",
        code: "SHUTTING_DOWN",
        message: "the server is stopping",
        retryAfterMs: RETRY_AFTER_MS,
      });
      runner.channel.close(1012, "the server is stopping");
    }
    for (const socket of [...this.#control.clients, ...this.#output.clients]) socket.close(1012);
  }

  /** Ends what did not close by itself. */
  terminate(): void {
    for (const socket of [...this.#control.clients, ...this.#output.clients]) socket.terminate();
  }

  #upgradeControl(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#control.handleUpgrade(request, socket, head, (ws) => this.#greet(ws));
  }

  #upgradeOutput(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1];
    const runner = token === undefined ? undefined : this.#connections.get(token);
    if (!runner) return refuseUpgrade(socket, "401 Unauthorized");
    this.#output.handleUpgrade(request, socket, head, (ws) => this.#takeOutput(ws, runner));
  }

  /** Asks who is there; what is not a proper hello in time is closed. */
  #greet(ws: WebSocket): void {
    const { clock } = this.#deps;
    const nonce = randomBytes(32).toString("base64url");
    ws.on("error", () => ws.terminate());
    if (this.#isStopped) return ws.close(1012, "the server is stopping");
    const timer = clock.setTimer(limit("runner.helloMs"), () => ws.close(4001, "no hello in time"));
    ws.once("message", (data) => {
      timer.cancel();
      void this.#admit(ws, nonce, data).catch((error: unknown) => {
        this.#deps.logger.error({ err: error }, "runner could not be admitted");
        ws.close(1011, "try again");
      });
    });
    ws.once("close", () => timer.cancel());
    sendJson(ws, { type: "challenge", nonce, protocol: PROTOCOL });
  }

  async #admit(ws: WebSocket, nonce: string, data: RawData): Promise<void> {
    const hello = readMessage(data);
    if (hello?.type !== "hello") return ws.close(4002, "expected a hello");
    if (hello.protocol.min > PROTOCOL.max || hello.protocol.max < PROTOCOL.min) {
      return refuseRunner(ws, "PROTOCOL_MISMATCH", `this server speaks protocol ${PROTOCOL.min} to ${PROTOCOL.max}`);
    }
    // Messages that come while the runner is looked up wait here.
    const early: RawData[] = [];
    const keep = (message: RawData) => early.push(message);
    ws.on("message", keep);
    const row = await this.#deps.store.get<RunnerRow>("SELECT * FROM runners WHERE id = ?", hello.runnerId);
    if (
      !row?.public_key ||
      row.state === "retired" ||
      !isSignedBy(row.public_key, helloPreimage(nonce, hello.runnerId), hello.signature)
    ) {
      return refuseRunner(
        ws,
        row?.state === "retired" ? "RETIRED" : "UNAUTHORIZED",
        "this runner is not known here; enrol it again",
      );
    }
    if (ws.readyState !== ws.OPEN) return;
    ws.off("message", keep);
    await this.#welcome(ws, row, hello, early);
  }

  async #welcome(ws: WebSocket, row: RunnerRow, hello: RunnerMessageOf<"hello">, early: RawData[]): Promise<void> {
    const { clock, ids, limits, fleet, openSession, onConnected, onReturned, logger } = this.#deps;
    const token = randomBytes(32).toString("base64url");
    // What a connection may do ends with our word, not with the peer's answer to it, which may never come.
    const letGo = (code: number) => {
      this.#connections.delete(token);
      this.#outputSockets.get(runner.connectionId)?.close(code);
      this.#outputSockets.delete(runner.connectionId);
      fleet.disconnect(runner);
    };
    const runner = connectedRunner(row, hello, ids.next("connection"), {
      send: (message) => sendJson(ws, message),
      close: (code, reason) => {
        letGo(code);
        ws.close(code, reason);
        clock.setTimer(CLOSE_MS, () => ws.terminate());
      },
    });
    const session = openSession(runner);
    this.#connections.set(token, runner);
    let isWelcome = false;
    ws.on("message", (message) => (isWelcome ? this.#handle(ws, session, message) : early.push(message)));
    ws.once("close", () => {
      letGo(4009);
      logger.info({ runner: runner.runnerId }, "runner disconnected");
    });
    onConnected(row, hello);
    const attempts = await session.reconcile(hello);
    sendJson(ws, {
      type: "welcome",
      protocol: PROTOCOL.max,
      connectionId: runner.connectionId,
      connectionToken: token,
      features: [...FEATURES],
      intervals: {
        heartbeatMs: limits("runner.heartbeatMs"),
        renewMs: limits("lease.renewMs"),
        leaseMs: limits("lease.ttlMs"),
        windowBytes: limit("output.windowBytes"),
        frameBytes: limit("output.frameBytes"),
      },
      attempts,
    });
    logger.info({ runner: runner.runnerId, hostname: row.hostname }, "runner connected");
    isWelcome = true;
    if (ws.readyState === ws.OPEN) {
      fleet.connect(runner);
      onReturned(
        runner.runnerId,
        attempts.filter(({ verdict }) => verdict === "keep"),
      );
    }
    for (const message of early) this.#handle(ws, session, message);
  }

  #handle(ws: WebSocket, session: RunnerSession, data: RawData): void {
    if (ws.readyState !== ws.OPEN) return;
    const message = readMessage(data);
    if (!message) return ws.close(4003, "not a message of this protocol");
    session.handle(message).catch((error: unknown) => {
      // The runner repeats what was not answered; closing makes it do so on a fresh connection.
      this.#deps.logger.error({ err: error, type: message.type }, "message of a runner failed");
      ws.close(1011, "try again");
    });
  }

  #takeOutput(ws: WebSocket, runner: ConnectedRunner): void {
    this.#outputSockets.get(runner.connectionId)?.close(4009, "a newer output channel is open");
    this.#outputSockets.set(runner.connectionId, ws);
    ws.on("error", () => ws.terminate());
    ws.on("close", () => {
      if (this.#outputSockets.get(runner.connectionId) === ws) this.#outputSockets.delete(runner.connectionId);
    });
    const answer: AnswerOutput = (told) => {
      if (ws.readyState === ws.OPEN) ws.send(JSON.stringify(told));
    };
    const intake = this.#deps.outputIntake.open(runner.runnerId, answer, (isFull) =>
      isFull ? ws.pause() : ws.resume(),
    );
    ws.on("message", (data, isBinary) => {
      if (ws.readyState !== ws.OPEN) return;
      if (!isBinary || !intake.take(toBytes(data))) ws.close(4003, "not an output frame, or a damaged one");
    });
  }
}

function connectedRunner(
  row: RunnerRow,
  hello: RunnerMessageOf<"hello">,
  connectionId: string,
  channel: RunnerChannel,
): ConnectedRunner {
  const admitted = CapabilitiesSchema.parse(JSON.parse(row.capabilities));
  return {
    runnerId: row.id,
    orgId: row.org_id,
    connectionId,
    channel,
    providers: new Set(hello.capabilities.providers),
    features: new Set(hello.capabilities.features),
    // Labels are the server's word, never the runner's.
    labels: JSON.parse(row.labels) as Record<string, string>,
    codegenProvider: hello.capabilities.codegenProvider,
    slots: slotsOf(hello.capabilities.maxConcurrentSessions === undefined ? admitted : hello.capabilities),
    held: new Set(),
    isDraining: row.state === "draining" || row.state === "offline_draining",
    isDeaf: false,
  };
}

function sendJson(ws: WebSocket, message: ControlMessage): void {
  if (ws.readyState === ws.OPEN) ws.send(JSON.stringify(message));
}

function refuseRunner(ws: WebSocket, code: string, message: string): void {
  sendJson(ws, { type: "refused", code, message });
  ws.close(4003, code);
}

function readMessage(data: RawData): RunnerMessage | undefined {
  try {
    return RunnerMessageSchema.safeParse(JSON.parse(toBytes(data).toString("utf8"))).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function toBytes(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

/** Whether an Ed25519 signature in base64 is by the key (SPKI in DER, base64) over a text. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, "base64"), format: "der", type: "spki" });
    return (
      key.asymmetricKeyType === "ed25519" && verify(null, Buffer.from(text), key, Buffer.from(signature, "base64"))
    );
  } catch {
    // A key or signature that is none proves nothing.
    return false;
  }
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function refusedBlob(error: unknown): unknown {
  if (error instanceof BlobMismatchError || error instanceof InvalidBlobNameError)
    return new ControlPlaneError("VALIDATION_ERROR", error.message);
  if (error instanceof BlobTooLargeError) return new ControlPlaneError("BODY_TOO_LARGE", error.message);
  return error;
}
