import type { EventRecord } from "@signalbox/protocol";

import type { Output } from "../output.ts";
import { LiveRegion } from "./live-region.ts";
import { renderRun } from "./render-run.ts";
import type { RunProgress } from "./run-progress.ts";
import type { RunView } from "./run-view.ts";

const FRAME_MS = 100;
const TAIL_KEPT = 50;

/** A picture of the run in the last lines of the terminal, redrawn ten times a second at most. */
export class LiveView implements RunView {
  readonly #output: Output;
  readonly #runId: string;
  readonly #progress: RunProgress;
  readonly #region: LiveRegion;
  readonly #ticking: NodeJS.Timeout;
  readonly #tail: { step: string; text: string }[] = [];
  #notice: string | undefined;

  constructor(settings: { readonly output: Output; readonly runId: string; readonly progress: RunProgress }) {
    this.#output = settings.output;
    this.#runId = settings.runId;
    this.#progress = settings.progress;
    this.#region = new LiveRegion(settings.output.stdout);
    // The terminal is given back even where the process is ended in the middle.
    process.once("exit", this.#restore);
    this.#ticking = setInterval(() => this.#draw(), FRAME_MS);
  }

  event({ type }: EventRecord): void {
    if (type === "budget.exhausted")
      this.notice("the run's budget is used up: `signalbox approvals` shows who asks for more");
    if (type === "budget.extended") this.notice("");
  }

  output(step: string, lines: readonly string[]): void {
    for (const text of lines) this.#tail.push({ step, text });
    this.#tail.splice(0, this.#tail.length - TAIL_KEPT);
  }

  notice(text: string): void {
    this.#notice = text === "" ? undefined : text;
    this.#draw();
  }

  close(): void {
    clearInterval(this.#ticking);
    process.off("exit", this.#restore);
    if (this.#progress.end !== undefined) this.#notice = undefined;
    this.#draw();
    this.#restore();
  }

  readonly #restore = (): void => this.#region.close();

  #draw(): void {
    const { stdout, colors } = this.#output;
    const { columns = 80, rows = 24 } = stdout;
    const frame = {
      runId: this.#runId,
      columns,
      rows,
      nowMs: Date.now(),
      colors,
      tail: this.#tail,
      notice: this.#notice,
    };
    this.#region.draw(renderRun(this.#progress, frame));
  }
}
