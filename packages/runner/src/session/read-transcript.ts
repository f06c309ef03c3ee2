import { AgentEventSchema, TranscriptBuilder, type Transcript } from "@signalbox/agents";
import { StringDecoder } from "node:string_decoder";

/**
 * What was said, by the record of a session: a line of JSON for each event of its agents. A line that is none is the mark of what
 * is missing, was cut off, or is of an agent that this runner does not know so well; its place is marked.
 */
export async function readTranscript(record: AsyncIterable<Uint8Array>): Promise<Transcript> {
  const builder = new TranscriptBuilder();
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const bytes of record) {
    const lines = (rest + decoder.write(Buffer.from(bytes))).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) takeLine(builder, line);
  }
  takeLine(builder, rest + decoder.end());
  return builder.build();
}

function takeLine(builder: TranscriptBuilder, line: string): void {
  if (line === "") return;
  const event = AgentEventSchema.safeParse(parsed(line));
  if (event.success) builder.take(event.data);
  else builder.leaveOut();
}

/** Undefined, which is no event, for what is no JSON. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
