import { connect, createServer, type Server, type Socket } from "node:net";

/** What happens to bytes in one direction: they pass, wait for the heal, or are lost (and their connection with them). */
export type Traffic = "pass" | "hold" | "lose";

/** How one direction treats what comes. */
interface Rules {
  traffic: Traffic;
  delayMs: number;
  /** Infinity: as fast as it goes. */
  bytesPerSecond: number;
}

const END = Symbol("end of a direction");

/**
 * A stretch of network between runners and the server: what it is told to do to the bytes, it does to connections that
 * are open and to new ones. It keeps the order of each connection, as TCP does; but an old connection whose bytes were
 * held delivers them after the heal, long after newer connections have spoken.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #target: number;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #toServer: Rules = { traffic: "pass", delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
  readonly #toRunner: Rules = { traffic: "pass", delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
  #accepted = 0;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Listens on one port of the loopback address, before another. */
  static async before(target: number, port: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(port, "127.0.0.1", resolve));
    return proxy;
  }

  /** Connections since the start. */
  get accepted(): number {
    return this.#accepted;
  }

  /** From now on, on all connections. What is held comes out when its direction passes again. */
  set(change: { toServer?: Partial<Rules>; toRunner?: Partial<Rules> }): void {
    Object.assign(this.#toServer, change.toServer);
    Object.assign(this.#toRunner, change.toRunner);
    for (const connection of this.#connections) connection.wake();
  }

  /** Both directions as they should be. Connections that have lost bytes are cut: TCP would never go on. */
  heal(): void {
    for (const connection of this.#connections) if (connection.hasLost) connection.reset();
    const well = { traffic: "pass", delayMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY } as const;
    for (const connection of this.#connections) connection.freeze(undefined);
    this.set({ toServer: well, toRunner: well });
  }

  /** The connections that are open now deliver nothing more until the heal; new ones are not touched. */
  freezeOpen(): void {
    for (const connection of this.#connections) connection.freeze("hold");
  }

  /** Cuts every connection with an RST. */
  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reset();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    this.#accepted++;
    const far = connect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true });
    const connection = new Connection(near, far, this.#toServer, this.#toRunner, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }
}

class Connection {
  readonly #pipes: readonly [Pipe, Pipe];
  readonly #near: Socket;
  readonly #far: Socket;

  constructor(near: Socket, far: Socket, toServer: Rules, toRunner: Rules, onOver: () => void) {
    this.#near = near;
    this.#far = far;
    this.#pipes = [new Pipe(near, far, toServer), new Pipe(far, near, toRunner)];
    let open = 2;
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("close", () => (open -= 1) === 0 && onOver());
    }
    // Nobody listens at the far end, or it is gone: the near end hears of it as of any lost connection.
    far.on("error", () => near.destroy());
    near.on("error", () => undefined);
  }

  get hasLost(): boolean {
    return this.#pipes.some(({ hasLost }) => hasLost);
  }

  wake(): void {
    for (const pipe of this.#pipes) pipe.wake();
  }

  freeze(traffic: Traffic | undefined): void {
    for (const pipe of this.#pipes) pipe.own = traffic;
    this.wake();
  }

  reset(): void {
    this.#near.resetAndDestroy();
    this.#far.resetAndDestroy();
  }
}

/** One direction of a connection. */
class Pipe {
  hasLost = false;
  /** What this connection does whatever the rules say. */
  own: Traffic | undefined;
  readonly #to: Socket;
  readonly #rules: Rules;
  readonly #queue: { readonly item: Buffer | typeof END; readonly at: number }[] = [];
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, rules: Rules) {
    this.#to = to;
    this.#rules = rules;
    from.on("data", (bytes) => this.#take(bytes));
    from.on("end", () => this.#take(END));
    // After an RST nothing more comes; what is on its way is delivered all the same.
    from.on("close", () => this.#take(END));
  }

  wake(): void {
    clearTimeout(this.#timer);
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      if ((this.own ?? this.#rules.traffic) !== "pass") return;
      const waitMs = Math.max(next.at, this.#freeAt) - performance.now();
      if (waitMs > 0) return void (this.#timer = setTimeout(() => this.wake(), waitMs));
      this.#queue.shift();
      this.#deliver(next.item);
    }
  }

  #take(item: Buffer | typeof END): void {
    if ((this.own ?? this.#rules.traffic) === "lose" && item !== END) {
      this.hasLost = true;
      return;
    }
    this.#queue.push({ item, at: performance.now() + this.#rules.delayMs });
    this.wake();
  }

  #deliver(item: Buffer | typeof END): void {
    if (this.#to.destroyed) return;
    if (item === END) return void this.#to.end();
    this.#to.write(item);
    this.#freeAt = performance.now() + (item.length / this.#rules.bytesPerSecond) * 1_000;
  }
}
