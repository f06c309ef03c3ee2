import { sha256Hex } from "@signalbox/protocol/hash";
import {
  CONTROL_SUBPROTOCOL,
  decodeOutputFrame,
  enrolmentPreimage,
  EnrolRunnerRequestSchema,
  helloPreimage,
  OUTPUT_SUBPROTOCOL,
  RUNNER_PATHS,
  RunnerMessageSchema,
  type AttemptResult,
  type ControlMessage,
  type OutputAnswer,
  type OutputStream,
  type RunnerMessage,
  type RunnerMessageOf,
  type StartGrant,
} from "@signalbox/protocol";
import { eventually, listen, type Listening, PATIENCE_MS } from "@signalbox/testkit";
import { createPublicKey, randomBytes, verify, type KeyObject } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { crc32 } from "node:zlib";
import { WebSocketServer, type WebSocket } from "ws";

/** One stream as it was stored: its bytes, and where bytes were declared lost. */
export interface StoredStream {
  chunks: Buffer[];
  offset: number;
  gaps: { offset: number; length: number; reason: string }[];
}

/** An attempt as this control plane knows it. */
export interface FakeAttempt {
  readonly grant: StartGrant;
  status: "offered" | "leased" | "running" | "finished" | "fenced";
  result?: AttemptResult;
  readonly streams: Map<OutputStream, StoredStream>;
  /** What renewals are answered. */
  verdict: "renewed" | "cancel" | "abort" | "lost";
}

/** Speaks the server's side of the runner protocol over real sockets, keeps everything, and misbehaves on request. */
export class FakeControlPlane implements AsyncDisposable {
  readonly token = "enrolment-token-0123456789";
  readonly received: RunnerMessage[] = [];
  readonly attempts = new Map<string, FakeAttempt>();
  readonly blobs = new Map<string, Buffer>();
  /** What the agents of sessions said before, by attempt; asked for as `attempt epoch`. */
  readonly records = new Map<string, string>();
  readonly recordsAsked: string[] = [];
  readonly offeredTools = new Map<string, string>();
  intervals = { heartbeatMs: 200, renewMs: 100, leaseMs: 30_000, windowBytes: 1_048_576, frameBytes: 262_144 };
  connections = 0;
  readonly connectedAtMs: number[] = [];
  refusals = 0;
  outputConnections = 0;
  duplicateFrames = 0;
  maxUnacknowledgedBytes = 0;
  /** False: sockets are refused and HTTP is cut. */
  isReachable = true;
  /** True: sockets stay, nothing is answered. */
  isSilent = false;
  answersFinish = true;
  acknowledgesOutput = true;
  /** So many blob requests are answered with 503. */
  failingBlobs = 0;
  /** What the hello's attempts are answered; default by what is known of each. */
  helloVerdict: ((attemptId: string) => "keep" | "cancel" | "abort" | "fenced" | "unknown") | undefined;
  refusal: Extract<ControlMessage, { type: "refused" }> | undefined;
  upgradeStatus: number | undefined;
  #runnerKey: KeyObject | undefined;
  #listening: Listening | undefined;
  #control: WebSocket | undefined;
  readonly #outputs = new Set<WebSocket>();
  readonly #sockets = new Set<Duplex>();
  readonly #server = new WebSocketServer({ noServer: true, handleProtocols: (offered) => [...offered][0] ?? false });
  #connectionToken = "";
  readonly #waitingStarts = new Map<string, () => void>();
  readonly #heldAnswers: (() => void)[] = [];

  static async start(): Promise<FakeControlPlane> {
    const fake = new FakeControlPlane();
    fake.#listening = await listen((request, response) => void fake.#http(request, response));
    fake.#listening.server.on("upgrade", (request, socket, head) => fake.#upgrade(request, socket, head));
    fake.#listening.server.on("connection", (socket) => {
      fake.#sockets.add(socket);
      socket.on("close", () => fake.#sockets.delete(socket));
    });
    return fake;
  }

  /** Whether a runner has said hello and been welcomed. */
  get isConnected(): boolean {
    return this.#control?.readyState === 1;
  }

  get url(): string {
    return this.#listening?.url ?? "";
  }

  /** Cuts every connection without a goodbye. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing is read and nothing said any more, pings included; the sockets stay. */
  freeze(): void {
    this.isReachable = false;
    for (const socket of this.#sockets) socket.pause();
  }

  thaw(): void {
    this.isReachable = true;
    this.dropConnections();
  }

  dropOutput(): void {
    for (const socket of this.#outputs) socket.terminate();
  }

  send(message: ControlMessage): void {
    this.#control?.send(JSON.stringify(message));
  }

  sendRaw(message: unknown): void {
    this.#control?.send(JSON.stringify(message));
  }

  answerOutput(answer: OutputAnswer): void {
    for (const socket of this.#outputs) socket.send(JSON.stringify(answer));
  }

  /** Knows an attempt without offering it. */
  expectAttempt(grant: StartGrant): FakeAttempt {
    const attempt: FakeAttempt = { grant, status: "offered", streams: new Map(), verdict: "renewed" };
    this.attempts.set(grant.attemptId, attempt);
    return attempt;
  }

  /** Offers an attempt; `start` follows the runner's yes. */
  offer(grant: StartGrant): FakeAttempt {
    const attempt = this.expectAttempt(grant);
    this.offerAgain(attempt);
    return attempt;
  }

  offerAgain(attempt: FakeAttempt): true {
    const { grant } = attempt;
    const offerId = `off_${grant.attemptId}`;
    this.#waitingStarts.set(offerId, () => {
      attempt.status = "leased";
      this.send({ type: "start", offerId, grant });
    });
    const { runId, step, tool } = grant.envelope;
    this.send({ type: "offer", offerId, attemptId: grant.attemptId, runId, step, tool, expiresMs: 5_000 });
    return true;
  }

  /** The result of an attempt, once it was applied. */
  async resultOf(attempt: FakeAttempt, timeoutMs = PATIENCE_MS): Promise<AttemptResult> {
    return eventually(() => attempt.result, { timeoutMs });
  }

  of<Type extends RunnerMessage["type"]>(type: Type): RunnerMessageOf<Type>[] {
    return this.received.filter((message): message is RunnerMessageOf<Type> => message.type === type);
  }

  output(attempt: FakeAttempt, stream: OutputStream = "stdout"): Buffer {
    return Buffer.concat(attempt.streams.get(stream)?.chunks ?? []);
  }

  text(attempt: FakeAttempt, stream: OutputStream = "stdout"): string {
    return this.output(attempt, stream).toString();
  }

  /** Answers what was held back while `answersFinish` or `acknowledgesOutput` was false. */
  answerHeld(): void {
    this.acknowledgesOutput = true;
    for (const [attemptId, { grant, streams }] of this.attempts) {
      for (const [stream, { offset }] of streams)
        this.answerOutput({ type: "ack", attemptId, epoch: grant.epoch, stream, offset });
    }
    for (const answer of this.#heldAnswers.splice(0)) answer();
  }

  putBlob(content: string | Buffer): string {
    const bytes = Buffer.from(content);
    const sha256 = sha256Hex(bytes);
    this.blobs.set(sha256, bytes);
    return sha256;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dropConnections();
    await this.#listening?.[Symbol.asyncDispose]();
  }

  async #http(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.isReachable) return void request.socket.destroy();
    const body: Buffer[] = [];
    try {
      for await (const chunk of request) body.push(chunk as Buffer);
    } catch {
      return;
    }
    const path = request.url ?? "";
    if (path === RUNNER_PATHS.enrol) this.#enrol(Buffer.concat(body), response);
    else if (path.startsWith(`${RUNNER_PATHS.blobs}/`))
      this.#blob(request, path.slice(RUNNER_PATHS.blobs.length + 1), Buffer.concat(body), response);
    else if (path.startsWith(`${RUNNER_PATHS.records}/`)) this.#record(request, new URL(path, "http://here"), response);
    else response.writeHead(404).end();
  }

  #record(request: IncomingMessage, { pathname, searchParams }: URL, response: ServerResponse): void {
    if (request.headers.authorization !== `Bearer ${this.#connectionToken}`) return void response.writeHead(401).end();
    const attemptId = pathname.slice(RUNNER_PATHS.records.length + 1);
    this.recordsAsked.push(`${attemptId} ${searchParams.get("epoch")}`);
    const record = this.records.get(attemptId);
    response.writeHead(record === undefined ? 404 : 200).end(record);
  }

  #enrol(body: Buffer, response: ServerResponse): void {
    const request = EnrolRunnerRequestSchema.parse(JSON.parse(body.toString()));
    const key = createPublicKey({ key: Buffer.from(request.publicKey, "base64"), format: "der", type: "spki" });
    const isProven = verify(
      null,
      Buffer.from(enrolmentPreimage(request.token, request.publicKey)),
      key,
      Buffer.from(request.proof, "base64"),
    );
    const isAdmitted = isProven && request.token === this.token;
    if (isAdmitted) this.#runnerKey = key;
    const answer = isAdmitted
      ? { success: true, data: { runnerId: "rnr_1", orgId: "default" } }
      : { success: false, error: { code: "UNAUTHORIZED", message: "no such token" } };
    response.writeHead(isAdmitted ? 201 : 401, { "content-type": "application/json" }).end(JSON.stringify(answer));
  }

  #blob(request: IncomingMessage, sha256: string, body: Buffer, response: ServerResponse): void {
    if (request.headers.authorization !== `Bearer ${this.#connectionToken}`) return void response.writeHead(401).end();
    if (this.failingBlobs > 0) {
      this.failingBlobs--;
      return void response.writeHead(503, { "retry-after": "0" }).end();
    }
    const stored = this.blobs.get(sha256);
    if (request.method === "PUT") {
      if (sha256Hex(body) !== sha256) return void response.writeHead(400).end();
      this.blobs.set(sha256, body);
      response
        .writeHead(stored ? 200 : 201)
        .end(JSON.stringify({ success: true, data: { sha256, bytes: body.length } }));
    } else if (stored) {
      response.writeHead(200, { "content-length": stored.length }).end(request.method === "HEAD" ? undefined : stored);
    } else response.writeHead(404).end();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!this.isReachable) return void socket.destroy();
    if (this.upgradeStatus !== undefined)
      return void socket.end(`HTTP/1.1 ${this.upgradeStatus} No\r\nConnection: close\r\n\r\n`);
    const isControl = request.url === RUNNER_PATHS.control;
    const isAllowed = isControl
      ? request.headers["sec-websocket-protocol"] === CONTROL_SUBPROTOCOL
      : request.headers["sec-websocket-protocol"] === OUTPUT_SUBPROTOCOL &&
        request.headers.authorization === `Bearer ${this.#connectionToken}`;
    if (!isAllowed) return void socket.end("HTTP/1.1 401 No\r\nConnection: close\r\n\r\n");
    this.#server.handleUpgrade(request, socket, head, (client) =>
      isControl ? this.#serveControl(client) : this.#serveOutput(client),
    );
  }

  #serveControl(client: WebSocket): void {
    this.connections++;
    this.connectedAtMs.push(performance.now());
    const nonce = randomBytes(16).toString("hex");
    client.on("message", (data) => {
      const message = RunnerMessageSchema.parse(JSON.parse((data as Buffer).toString()));
      this.received.push(message);
      if (this.isSilent) return;
      if (message.type === "hello") this.#hello(client, nonce, message);
      else this.#control_(message);
    });
    if (!this.isSilent) client.send(JSON.stringify({ type: "challenge", nonce, protocol: { min: 1, max: 1 } }));
  }

  #hello(client: WebSocket, nonce: string, hello: RunnerMessageOf<"hello">): void {
    if (this.refusal) {
      this.refusals++;
      return client.send(JSON.stringify(this.refusal));
    }
    const isProven =
      this.#runnerKey &&
      verify(
        null,
        Buffer.from(helloPreimage(nonce, hello.runnerId)),
        this.#runnerKey,
        Buffer.from(hello.signature, "base64"),
      );
    if (!isProven)
      return client.send(JSON.stringify({ type: "refused", code: "UNAUTHORIZED", message: "bad signature" }));
    this.#control = client;
    this.#connectionToken = randomBytes(16).toString("hex");
    this.send({
      type: "welcome",
      protocol: 1,
      connectionId: `con_${this.connections}`,
      connectionToken: this.#connectionToken,
      features: ["agent_ended"],
      intervals: this.intervals,
      attempts: hello.attempts.map(({ attemptId, epoch }) => ({
        attemptId,
        epoch,
        verdict: this.#verdictOf(attemptId),
      })),
    });
  }

  #verdictOf(attemptId: string): "keep" | "cancel" | "abort" | "fenced" | "unknown" {
    if (this.helloVerdict) return this.helloVerdict(attemptId);
    const attempt = this.attempts.get(attemptId);
    if (!attempt) return "unknown";
    return attempt.status === "fenced" ? "fenced" : "keep";
  }

  #control_(message: RunnerMessage): void {
    if (message.type === "accept") {
      this.#waitingStarts.get(message.offerId)?.();
      this.#waitingStarts.delete(message.offerId);
    } else if (message.type === "renew") this.#renew(message);
    else if (message.type === "started") this.#move(message.attemptId, "running");
    else if (message.type === "finish") {
      if (this.answersFinish) this.#finish(message);
      else this.#heldAnswers.push(() => this.#finish(message));
    }
  }

  #move(attemptId: string, status: FakeAttempt["status"]): void {
    const attempt = this.attempts.get(attemptId);
    if (attempt && attempt.status !== "fenced") attempt.status = status;
  }

  #renew({ sentAt, attempts }: RunnerMessageOf<"renew">): void {
    this.send({
      type: "renewed",
      sentAt,
      attempts: attempts.map(({ attemptId, epoch }) => ({
        attemptId,
        epoch,
        verdict: this.attempts.get(attemptId)?.verdict ?? "lost",
      })),
    });
  }

  #finish({ attemptId, epoch, result }: RunnerMessageOf<"finish">): void {
    const attempt = this.attempts.get(attemptId);
    const answer = (verdict: "applied" | "duplicate" | "fenced" | "unknown") =>
      this.send({ type: "finish_ack", attemptId, epoch, verdict });
    if (!attempt) return answer("unknown");
    if (attempt.status === "fenced") return answer("fenced");
    if (attempt.result) return answer("duplicate");
    const streams = result.streams
      .filter(({ stream, length }) => (attempt.streams.get(stream)?.offset ?? 0) < length)
      .map(({ stream }) => ({ stream, offset: attempt.streams.get(stream)?.offset ?? 0 }));
    const wanted = [
      ...result.artifacts.map(({ sha256 }) => sha256),
      ...(result.changes ? [result.changes.sha256] : []),
    ];
    const blobs = wanted.filter((sha256) => !this.blobs.has(sha256));
    if (streams.length > 0 || blobs.length > 0) {
      this.send({ type: "finish_ack", attemptId, epoch, verdict: "incomplete", missing: { blobs, streams } });
      return;
    }
    attempt.result = result;
    attempt.status = "finished";
    answer("applied");
  }

  #serveOutput(client: WebSocket): void {
    this.outputConnections++;
    this.#outputs.add(client);
    client.on("close", () => this.#outputs.delete(client));
    client.on("message", (data) => {
      if (!this.isSilent) this.#frame(client, data as Buffer);
    });
  }

  #frame(client: WebSocket, data: Buffer): void {
    const frame = decodeOutputFrame(data);
    if (!frame) throw new Error("the runner sent bytes that are no output frame");
    const { attemptId, epoch, stream } = frame;
    const answer = (message: OutputAnswer) => client.send(JSON.stringify(message));
    const attempt = this.attempts.get(attemptId);
    if (!attempt || attempt.status === "fenced") return answer({ type: "fenced", attemptId, epoch });
    if (frame.gap === undefined && crc32(frame.bytes) !== frame.crc32)
      throw new Error("the checksum of a frame is wrong");
    const stored = attempt.streams.get(stream) ?? { chunks: [], offset: 0, gaps: [] };
    attempt.streams.set(stream, stored);
    if (frame.offset > stored.offset)
      return answer({ type: "expect", attemptId, epoch, stream, offset: stored.offset });
    if (frame.offset + frame.length <= stored.offset) this.duplicateFrames++;
    else if (frame.gap !== undefined) {
      stored.gaps.push({ offset: frame.offset, length: frame.length, reason: frame.gap });
      stored.offset = frame.offset + frame.length;
    } else {
      stored.chunks.push(Buffer.from(frame.bytes.subarray(stored.offset - frame.offset)));
      stored.offset = frame.offset + frame.length;
    }
    if (this.acknowledgesOutput) answer({ type: "ack", attemptId, epoch, stream, offset: stored.offset });
    else this.maxUnacknowledgedBytes = Math.max(this.maxUnacknowledgedBytes, stored.offset);
  }
}
