import { createInterface } from "node:readline/promises";

import type { Context } from "./context.ts";
import { CommandError } from "./errors.ts";

/** Asks the person at the terminal; Ctrl-C and the end of input are no answer. */
export async function ask({ stdin }: Context, question: string): Promise<string> {
  const lines = createInterface({ input: stdin, output: process.stderr });
  const left = new AbortController();
  lines.once("close", () => left.abort());
  lines.once("SIGINT", () => left.abort());
  try {
    return await lines.question(question, { signal: left.signal });
  } catch (error) {
    if (!left.signal.aborted) throw error;
    process.stderr.write("\n");
    throw new CommandError("nothing was decided", { exit: "interrupted", code: "INTERRUPTED", cause: error });
  } finally {
    lines.close();
  }
}

/** Reads a secret: from a pipe as it is but for its last line break, from a terminal without showing it. */
export async function readSecret(context: Context, question: string): Promise<string> {
  const { stdin } = context;
  if (stdin.isTTY !== true) {
    let text = "";
    for await (const piece of stdin) text += String(piece);
    return text.replace(/\r?\n$/, "");
  }
  process.stderr.write(question);
  stdin.setRawMode(true);
  try {
    return await typed(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    process.stderr.write("\n");
  }
}

async function typed(stdin: NodeJS.ReadStream): Promise<string> {
  let text = "";
  for await (const piece of stdin) {
    for (const character of String(piece)) {
      if (character === "\r" || character === "\n") return text;
      if (character === "\u0003" || character === "\u0004")
        throw new CommandError("nothing was stored", { exit: "interrupted", code: "INTERRUPTED" });
      text = character === "\u007f" || character === "\b" ? text.slice(0, -1) : text + character;
    }
  }
  return text;
}
