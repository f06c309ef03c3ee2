import type { Download } from "@signalbox/client";

import type { Context } from "../context.ts";
import { usageError } from "../errors.ts";
import { LineSplitter } from "../text/line-splitter.ts";
import { outputLine } from "../text/remote-text.ts";

/** Prints a content: its bytes as they are into a pipe or file, its lines without escapes on a terminal. */
export async function printContent({ output }: Context, about: object, download: Download): Promise<void> {
  if (output.isJson) {
    const content = Buffer.from(await download.content());
    return output.document({ success: true, data: { ...about, base64: content.toString("base64") } });
  }
  const isTerminal = output.stdout.isTTY === true;
  const splitter = new LineSplitter();
  for await (const piece of download.stream()) {
    if (!isTerminal) output.stdout.write(piece);
    else if (piece.includes(0)) throw usageError("this is no text", "fetch it with --to <folder>");
    else for (const line of splitter.push(piece)) output.line(outputLine(line));
  }
  for (const line of splitter.end()) output.line(outputLine(line));
}
