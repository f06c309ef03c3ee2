import { Child, type ChildEnd } from "./child.ts";

/** How a service ended, and how long after it was asked to. */
export interface Termination extends ChildEnd {
  readonly afterMs: number;
}

/** An app as a process of its own, which can be killed, paused and started again on the same data. */
export abstract class Service implements AsyncDisposable {
  #child: Child | undefined;

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What this process of it wrote last. */
  get said(): string {
    return this.#child?.said ?? "";
  }

  get hasEnded(): boolean {
    return this.#child?.hasEnded ?? true;
  }

  /** Resolves when the process that runs now has ended. */
  get ended(): Promise<ChildEnd> {
    return this.#child?.ended ?? Promise.resolve({ code: null, signal: null });
  }

  /** Starts it; resolves when it is ready. */
  abstract start(): Promise<void>;

  async says(text: string, timeoutMs?: number): Promise<void> {
    await this.#child?.says(text, timeoutMs);
  }

  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  pause(): void {
    this.#child?.signal("SIGSTOP");
  }

  resume(): void {
    this.#child?.signal("SIGCONT");
  }

  /** Asks it to stop in good order. */
  async terminate(): Promise<Termination> {
    const startedMs = performance.now();
    this.#child?.signal("SIGTERM");
    return { ...(await this.ended), afterMs: performance.now() - startedMs };
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  protected spawn(command: readonly string[], env: Record<string, string>): void {
    if (!this.hasEnded) throw new Error(`process ${this.pid} runs still`);
    this.#child = new Child(command, { env });
  }
}
