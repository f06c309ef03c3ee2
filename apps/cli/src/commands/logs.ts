import type { OutputChunk } from "@signalbox/protocol";
import type { Command } from "commander";

import type { Context } from "../context.ts";
import { EXIT_CODES } from "../exit-codes.ts";
import type { Act } from "../program.ts";
import { LineSplitter } from "../text/line-splitter.ts";
import { outputLine, remoteText } from "../text/remote-text.ts";

interface Options {
  readonly follow?: true;
  readonly step?: string;
  readonly prefix: boolean;
}

/** `signalbox logs`: prints what the steps of a run wrote. */
export function define(command: Command, act: Act): void {
  command
    .argument("<run>", "its id")
    .option("-f, --follow", "go on until the run has ended")
    .option("--step <name>", "only this step")
    .option("--no-prefix", "leave out the step's name before each line", true)
    .addHelpText(
      "after",
      "\nWith --json each piece is one line: step, attemptId, stream, offset, text, and gap for what was lost.",
    )
    .action(act(printLogs));
}

async function printLogs(context: Context, runId: string, options: Options): Promise<void> {
  const { output } = context;
  const client = await context.client();
  const leaving = new AbortController();
  using _ = context.interrupts.on(() => leaving.abort());
  const printer = output.isJson ? jsonPrinter(context) : linePrinter(context, options);
  try {
    // A run that is not there is told here; a stream would only be empty.
    if (options.step !== undefined) await client.runs.step(runId, options.step);
    const query = { follow: options.follow === true, step: options.step, signal: leaving.signal };
    for await (const chunk of client.runs.watchOutput(runId, query)) printer.push(chunk);
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
    context.exit(EXIT_CODES.interrupted.code);
  } finally {
    printer.end();
  }
}

interface Printer {
  push(chunk: OutputChunk): void;
  end(): void;
}

function jsonPrinter({ output }: Context): Printer {
  const decoders = new Map<string, InstanceType<typeof TextDecoder>>();
  return {
    push({ bytes, ...chunk }) {
      const key = `${chunk.attemptId}/${chunk.stream}`;
      const decoder = decoders.get(key) ?? new TextDecoder();
      decoders.set(key, decoder);
      output.document({ ...chunk, text: decoder.decode(bytes, { stream: true }) });
    },
    end() {},
  };
}

/** Whole lines, each stream of each attempt by itself; what a step did not end with a line break comes at the end. */
function linePrinter({ output }: Context, { step, prefix }: Options): Printer {
  const splitters = new Map<string, { readonly step: string; readonly splitter: LineSplitter }>();
  const print = (name: string, lines: readonly string[]) => {
    const before = prefix && step === undefined ? output.colors.cyan(`${remoteText(name)} | `) : "";
    for (const line of lines)
      output.line(`${before}${outputLine(line, { keepColors: output.colors.isColorSupported })}`);
  };
  return {
    push(chunk) {
      const key = `${chunk.attemptId}/${chunk.stream}`;
      const { splitter } = splitters.get(key) ?? { splitter: new LineSplitter() };
      splitters.set(key, { step: chunk.step, splitter });
      print(chunk.step, chunk.gap === undefined ? splitter.push(chunk.bytes) : [...splitter.end(), lostWords(chunk)]);
    },
    end() {
      for (const { step: name, splitter } of splitters.values()) print(name, splitter.end());
    },
  };
}

function lostWords({ length, gap }: OutputChunk): string {
  return `[${length} bytes are lost: ${remoteText(gap ?? "")}]`;
}
