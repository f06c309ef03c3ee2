import { createInterface, type Interface } from "node:readline";

import type { Context } from "../context.ts";

/** Lines that a person types while a session goes on. Nothing is read where there is no terminal to read from. */
export class Keyboard implements Disposable {
  readonly isThere: boolean;
  readonly #lines: Interface | undefined;
  readonly #stdin: NodeJS.ReadStream;

  constructor({ stdin, output }: Pick<Context, "stdin" | "output">, hear: (line: string) => void) {
    this.#stdin = stdin;
    this.isThere = stdin.isTTY === true && !output.isJson;
    if (!this.isThere) return;
    // Editing a line is left to the terminal, so that Ctrl-C stays a signal and nothing is drawn over the agent's words.
    this.#lines = createInterface({ input: stdin, terminal: false });
    this.#lines.on("line", hear);
  }

  [Symbol.dispose](): void {
    this.#lines?.close();
    if (this.isThere) this.#stdin.pause();
  }
}
