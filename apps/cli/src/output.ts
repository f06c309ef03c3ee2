import { createColors } from "picocolors";

import { jsonLine, terminalText } from "./text/remote-text.ts";
import { table } from "./text/table.ts";

/** Where text goes: a stream of this process, or of a test. */
export interface TextStream {
  write(text: string | Uint8Array): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** Paints text; on what is no terminal it leaves text as it is. */
export type Colors = ReturnType<typeof createColors>;

/** What a command prints with. With `json`, people's words stay away from stdout. */
export class Output {
  readonly stdout: TextStream;
  readonly stderr: TextStream;
  readonly isJson: boolean;
  readonly colors: Colors;
  /** Whether stdout is a terminal that may be drawn on. */
  readonly isLive: boolean;

  constructor(settings: {
    stdout: TextStream;
    stderr: TextStream;
    isJson: boolean;
    isColorWanted: boolean;
    isLiveWanted: boolean;
  }) {
    this.stdout = settings.stdout;
    this.stderr = settings.stderr;
    this.isJson = settings.isJson;
    const isTerminal = settings.stdout.isTTY === true && !settings.isJson;
    this.colors = createColors(isTerminal && settings.isColorWanted);
    this.isLive = isTerminal && settings.isLiveWanted;
  }

  /** A line of the result. */
  line(text = ""): void {
    this.stdout.write(`${terminalText(text, this.colors.isColorSupported)}\n`);
  }

  /** The result as one document; `render` writes it for people. */
  result<T>(data: T, render: (data: T) => void): void {
    if (this.isJson) this.document({ success: true, data });
    else render(data);
  }

  /** One JSON document on a line of its own. */
  document(value: unknown): void {
    this.stdout.write(`${jsonLine(value)}\n`);
  }

  /** Something about the result that is not part of it. */
  note(text: string): void {
    if (!this.isJson) this.stderr.write(`${terminalText(text, this.colors.isColorSupported)}\n`);
  }

  /** Rows under their heads, or `empty` where there is none. */
  table(heads: readonly string[], rows: readonly (readonly string[])[], empty: string): void {
    if (rows.length === 0) return this.note(empty);
    const [head = "", ...lines] = table(heads, rows, this.stdout.isTTY === true ? this.stdout.columns : undefined);
    this.line(this.colors.dim(head));
    for (const line of lines) this.line(line);
  }
}
