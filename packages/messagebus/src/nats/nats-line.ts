import {
  AuthorizationError,
  connect as connectNode,
  InvalidArgumentError,
  type Msg,
  type NatsConnection,
  type NodeConnectionOptions,
  PermissionViolationError,
  UserAuthenticationExpiredError,
} from "@nats-io/transport-node";

import type { Clock, Timer } from "../clock.ts";
import { ConnectionLostError, ForbiddenTopicError, NotAdmittedError, type BusError } from "../errors.ts";
import type { BusLimits } from "../limits.ts";
import { Backoff } from "../remote/backoff.ts";
import { nextConnectionState, type ConnectionState } from "../remote/connection-states.ts";
import type { StandingOrder } from "../remote/standing-order.ts";

/** Makes a connection with these options; by default the `connect` of the official client. */
export type NatsConnect = (options: NodeConnectionOptions) => Promise<NatsConnection>;

/** What happens on the connection. */
export interface NatsLineListener {
  /** Subscribe now; then what was kept may go. */
  onOpen(): void;
  /** Whatever was sent and not confirmed may or may not have arrived. Another connection is made later. */
  onLost(error: ConnectionLostError): void;
  /** For good. */
  onEnd(error: BusError): void;
  onState(state: ConnectionState): void;
  /** The server does not let this user send on a subject. */
  onForbidden(subject: string, error: ForbiddenTopicError): void;
}

export interface NatsLineOptions {
  readonly connection: NodeConnectionOptions;
  readonly connect: NatsConnect | undefined;
  readonly limits: BusLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly listener: NatsLineListener;
}

/** A subscription on the server. */
export interface NatsSubscription {
  unsubscribe(): void;
}

/** For the last words to leave before the connection is closed. */
const CLOSE_MS = 1_000;
const PINGS_OUT = 2;

/**
 * A connection to a nats-server that is made again, with full jitter, whenever it is gone. The client's own reconnection is not
 * used: it drops in silence what was published while it was away.
 */
export class NatsLine {
  readonly #options: NatsLineOptions;
  readonly #backoff: Backoff;
  #state: ConnectionState = "idle";
  #connection: NatsConnection | undefined;
  #timer: Timer | undefined;
  #openSinceMs = 0;
  /** What is to be told once the server has seen everything that was sent until now. */
  #confirmations: (() => void)[] = [];

  constructor(options: NatsLineOptions) {
    const { limits, random } = options;
    this.#options = options;
    this.#backoff = new Backoff({ random, firstMs: limits["reconnect.firstMs"], maxMs: limits["reconnect.maxMs"] });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Connects for the first time; later calls do nothing. */
  start(): void {
    if (this.#state === "idle") void this.#dial();
  }

  /** Sends; only while open. Throws an InvalidArgumentError when it is more than the server takes. */
  publish(subject: string, body: string, reply?: string): void {
    this.#connection?.publish(subject, body, reply === undefined ? {} : { reply });
  }

  /** Subscribes; only while open. The order is confirmed or refused by what the server says. */
  subscribe(
    subject: string,
    take: (message: Msg) => void,
    order: Pick<StandingOrder, "confirm" | "refuse">,
    queue?: string,
  ): NatsSubscription {
    let isRefused = false;
    const subscription = this.#connection?.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (!error) return take(message);
        isRefused = true;
        order.refuse(
          new ForbiddenTopicError(`the server does not allow a subscription to ${subject}`, { cause: error }),
        );
      },
    });
    this.confirm(() => isRefused || order.confirm());
    return { unsubscribe: () => !subscription?.isClosed() && subscription?.unsubscribe() };
  }

  /** Calls back once the server has taken, or refused, what was sent until now; never when the connection is lost before. */
  confirm(confirmation: () => void): void {
    if (this.#confirmations.push(confirmation) === 1) setImmediate(() => void this.#flush());
  }

  /** Ends it for good, for this reason. Resolves when the connection is closed; what was sent before goes out first. */
  async end(error: BusError): Promise<void> {
    if (!this.#move("end")) return;
    this.#timer?.cancel();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#options.listener.onEnd(error);
    if (!connection) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cutting = this.#options.clock.setTimer(CLOSE_MS, resolve);
    await Promise.race([connection.flush().catch(() => {}), promise]);
    cutting.cancel();
    await connection.close();
  }

  async #dial(): Promise<void> {
    const { connection, connect = connectNode, limits, clock, listener } = this.#options;
    if (!this.#move("dial")) return;
    let made: NatsConnection;
    try {
      made = await connect({
        ...connection,
        reconnect: false,
        noAsyncTraces: true,
        timeout: limits["connection.handshakeMs"],
        pingInterval: limits["connection.heartbeatMs"],
        maxPingOut: PINGS_OUT,
      });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal) void this.end(refusal);
      else this.#lose(error);
      return;
    }
    if (this.#state !== "connecting") return void made.close();
    this.#connection = made;
    this.#openSinceMs = clock.monotonic();
    this.#state = "open";
    void this.#watch(made);
    listener.onOpen();
    // Whoever hears of it may send at once, and not before what waited.
    if (this.isOpen) listener.onState("open");
  }

  async #watch(connection: NatsConnection): Promise<void> {
    void connection.closed().then((error) => {
      if (connection === this.#connection) this.#lose(error);
    });
    for await (const status of connection.status()) {
      if (status.type === "error") this.#takeServerError(status.error);
    }
  }

  #takeServerError(error: Error): void {
    if (!(error instanceof PermissionViolationError) || error.operation !== "publish") return;
    const { subject } = error;
    const words = `the server does not allow a message on ${subject}`;
    this.#options.listener.onForbidden(subject, new ForbiddenTopicError(words, { cause: error }));
  }

  async #flush(): Promise<void> {
    const confirmations = this.#confirmations;
    this.#confirmations = [];
    try {
      await this.#connection?.flush();
    } catch {
      // The connection is gone, and whoever waits is told so.
      return;
    }
    // A refusal comes before the answer to the flush, but is told a few turns of microtasks later.
    setImmediate(() => {
      if (this.isOpen) for (const confirmation of confirmations) confirmation();
    });
  }

  #lose(error: unknown): void {
    const wasOpen = this.isOpen;
    if (!this.#move("lose")) return;
    this.#connection = undefined;
    this.#confirmations = [];
    const { clock, limits } = this.#options;
    // Only a connection that has held is a success: one that is closed as soon as it is made must not be made at once again.
    if (wasOpen && clock.monotonic() - this.#openSinceMs > limits["connection.heartbeatMs"]) this.#backoff.reset();
    this.#timer = clock.setTimer(this.#backoff.next(), () => void this.#dial());
    this.#timer.ref?.();
    const reason = error instanceof Error ? error.message : "it was closed";
    if (wasOpen) this.#options.listener.onLost(new ConnectionLostError(`the connection to NATS was lost: ${reason}`));
  }

  #move(event: Parameters<typeof nextConnectionState>[1]): boolean {
    const to = nextConnectionState(this.#state, event);
    if (!to) return false;
    this.#state = to;
    this.#options.listener.onState(to);
    return true;
  }
}

/** What does not get better by trying again. */
function refusalOf(error: unknown): NotAdmittedError | undefined {
  if (error instanceof AuthorizationError || error instanceof UserAuthenticationExpiredError) {
    return new NotAdmittedError(`the NATS server does not admit this plugin: ${error.message}`, { cause: error });
  }
  if (error instanceof InvalidArgumentError || error instanceof TypeError) {
    return new NotAdmittedError(`there is no connecting to NATS with these settings: ${error.message}`, {
      cause: error,
    });
  }
  return undefined;
}
