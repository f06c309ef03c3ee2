import { setTimeout as pause } from "node:timers/promises";

import { FINAL_RUN_EVENTS, type EventRecord } from "@signalbox/protocol";

import type { ServerProcess } from "./server-process.ts";

/** What a reader saw, in the order it came. */
export interface Reading {
  readonly events: readonly EventRecord[];
  /** What no reader may see: an event twice, one left out, a gap. */
  readonly complaints: readonly string[];
  readonly connections: number;
}

/**
 * Reads the events of a run to the final one over as many connections as it takes, each from the last id it has seen.
 * It trusts nothing: whatever comes is noted as it comes.
 */
export async function readToTheEnd(server: ServerProcess, runId: string, timeoutMs = 90_000): Promise<Reading> {
  const deadline = performance.now() + timeoutMs;
  const events: EventRecord[] = [];
  const complaints: string[] = [];
  let connections = 0;
  while (!FINAL_RUN_EVENTS.has(events.at(-1)?.type ?? "")) {
    if (performance.now() > deadline) {
      complaints.push(`no end after ${events.length} events and ${connections} connections`);
      break;
    }
    connections++;
    await readOnce(server, runId, events, complaints).catch(() => pause(20));
  }
  return { events, complaints, connections };
}

async function readOnce(
  server: ServerProcess,
  runId: string,
  events: EventRecord[],
  complaints: string[],
): Promise<void> {
  const lastSeq = events.at(-1)?.seq ?? 0;
  const response = await server.fetch(`/api/v1/runs/${runId}/stream`, {
    headers: lastSeq === 0 ? {} : { "last-event-id": String(lastSeq) },
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok || !response.body) throw new Error(`the stream answered ${response.status}`);
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) take(block, events, complaints);
  }
}

function take(block: string, events: EventRecord[], complaints: string[]): void {
  const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1];
  const data = field("data");
  if (data === undefined) return;
  if (field("event") === "gap") return void complaints.push(`a gap: ${data}`);
  const event = JSON.parse(data) as EventRecord;
  const expected = (events.at(-1)?.seq ?? 0) + 1;
  if (event.seq !== expected) complaints.push(`event ${event.seq} came where ${expected} was due`);
  if (field("id") !== String(event.seq)) complaints.push(`event ${event.seq} has the id ${field("id")}`);
  events.push(event);
}
