import {
  OUTPUT_SUBPROTOCOL,
  OutputAnswerSchema,
  RUNNER_PATHS,
  type OutputAnswer,
  type OutputStream,
} from "@signalbox/protocol";
import { WebSocket } from "ws";

import { serverAddress } from "../identity/server-url.ts";
import type { Logger } from "../logger.ts";
import type { Clock, Timer } from "../process/clock.ts";
import { Backoff } from "./backoff.ts";
import { dialSocket } from "./client-socket.ts";
import { OutputSender, type OutputSource, type OutputWindow } from "./output-sender.ts";

export interface OutputLinkSettings {
  readonly server: URL;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** The control plane gave the attempt to somebody else, or does not know it. */
  readonly onFenced: (attemptId: string, epoch: number) => void;
  /** The control plane has all the output that there is of an attempt so far. */
  readonly onDelivered: (attemptId: string) => void;
}

/**
 * The output channel: its own socket, so that logs never delay a renewal. It lives while the control channel does, whose
 * token it shows, and takes up each stream where the control plane has acknowledged it.
 */
export class OutputLink implements Disposable {
  readonly #settings: OutputLinkSettings;
  readonly #senders = new Map<string, OutputSender>();
  readonly #backoff: Backoff;
  #connection: { readonly token: string; readonly window: OutputWindow } | undefined;
  #socket: WebSocket | undefined;
  #timer: Timer | undefined;

  constructor(settings: OutputLinkSettings) {
    this.#settings = settings;
    this.#backoff = new Backoff({ random: settings.random });
  }

  /** Sends this attempt's output from now on, whatever is there already first. */
  attach(source: OutputSource): void {
    this.#senders.set(source.attemptId, new OutputSender(source));
    this.notify(source.attemptId);
  }

  detach(attemptId: string): void {
    this.#senders.delete(attemptId);
  }

  /** An attempt has new output. */
  notify(attemptId: string): void {
    const sender = this.#senders.get(attemptId);
    if (sender) this.#pump(sender);
  }

  /** The control plane says what it lacks of an attempt. */
  resend(attemptId: string, missing: readonly { stream: OutputStream; offset: number }[]): void {
    const sender = this.#senders.get(attemptId);
    if (!sender) return;
    for (const { stream, offset } of missing) sender.resume(stream, offset);
    this.#pump(sender);
  }

  /** There is a control connection with this token. */
  connect(token: string, window: OutputWindow): void {
    this.disconnect();
    this.#connection = { token, window };
    this.#backoff.reset();
    this.#dial(token);
  }

  disconnect(): void {
    this.#connection = undefined;
    this.#timer?.cancel();
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  [Symbol.dispose](): void {
    this.disconnect();
  }

  #dial(token: string): void {
    const socket = dialSocket({
      address: serverAddress(this.#settings.server, RUNNER_PATHS.output, "socket"),
      subprotocol: OUTPUT_SUBPROTOCOL,
      bearer: token,
      listener: {
        onOpen: () => this.#opened(socket),
        onTraffic: () => undefined,
        onMessage: (data) => this.#receive(socket, data),
        onEnd: ({ reason }) => this.#lost(socket, token, reason),
      },
    });
    this.#socket = socket;
  }

  #opened(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#backoff.reset();
    for (const sender of this.#senders.values()) {
      sender.rewind();
      this.#pump(sender);
    }
  }

  #lost(socket: WebSocket, token: string, reason: string): void {
    if (socket !== this.#socket || this.#connection?.token !== token) return;
    this.#socket = undefined;
    const waitMs = this.#backoff.next();
    this.#settings.logger.warn({ reason, waitMs }, "no output channel");
    this.#timer = this.#settings.clock.setTimer(waitMs, () => this.#dial(token));
  }

  #receive(socket: WebSocket, data: Buffer): void {
    if (socket !== this.#socket) return;
    const answer = parseAnswer(data);
    if (!answer)
      return this.#settings.logger.warn({}, "an answer on the output channel does not have the documented shape");
    const sender = this.#senders.get(answer.attemptId);
    if (!sender || sender.source.epoch !== answer.epoch) return;
    this.#answer(sender, answer);
    this.#pump(sender);
  }

  #answer(sender: OutputSender, answer: OutputAnswer): void {
    const { clock, onFenced, onDelivered } = this.#settings;
    if (answer.type === "ack") {
      sender.acknowledge(answer.stream, answer.offset);
      if (sender.isDelivered) onDelivered(answer.attemptId);
    } else if (answer.type === "expect") sender.resume(answer.stream, answer.offset);
    else if (answer.type === "fenced") onFenced(answer.attemptId, answer.epoch);
    else {
      sender.pause();
      clock.setTimer(answer.retryAfterMs, () => {
        sender.proceed();
        this.notify(answer.attemptId);
      });
    }
  }

  #pump(sender: OutputSender): void {
    const socket = this.#socket;
    const connection = this.#connection;
    if (!connection || socket?.readyState !== WebSocket.OPEN) return;
    const send = (frame: Uint8Array): boolean => {
      if (socket !== this.#socket || socket.readyState !== WebSocket.OPEN) return false;
      socket.send(frame);
      return true;
    };
    sender.pump(connection.window, send).catch((error: unknown) => {
      this.#settings.logger.error(
        { error, attemptId: sender.source.attemptId },
        "output could not be read from the spool",
      );
    });
  }
}

function parseAnswer(data: Buffer): OutputAnswer | undefined {
  try {
    return OutputAnswerSchema.safeParse(JSON.parse(data.toString())).data;
  } catch {
    return undefined;
  }
}
