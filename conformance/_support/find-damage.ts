import type { Client } from "@signalbox/client";
import {
  ATTEMPT_TRANSITIONS,
  FINAL_RUN_EVENTS,
  findTool,
  isFinal,
  OUTPUT_STREAMS,
  RUN_TRANSITIONS,
  STEP_TRANSITIONS,
  type EventRecord,
  type OutputChunk,
  type RunDetails,
  type StepDetails,
} from "@signalbox/protocol";
import { verifyDataDir } from "@signalbox/store/sqlite";

import type { ServerProcess } from "./server-process.ts";

/**
 * Names everything that breaks an invariant once all work is over. First as users would notice it: events without holes
 * and one end for each thing (I2), one winning attempt for each step and nothing alive in what is over (I3), epochs that rise
 * (I4), output without holes (I5), every run over (I7). Then as `signalbox verify` sees it: rows that are what their
 * logs say, bytes that are what their hashes say. Empty: nothing is wrong.
 */
export async function findDamage(server: ServerProcess): Promise<string[]> {
  const client = server.client();
  const damage: string[] = [];
  for await (const { id } of client.runs.all({ limit: 200 })) {
    const details = await client.runs.get(id);
    const found = [
      ...eventDamage(details, await readEvents(client, id)),
      ...details.steps.flatMap((step) => stepDamage(step)),
      ...outputDamage(await readOutput(client, id)),
    ];
    damage.push(...found.map((complaint) => `${id}: ${complaint}`));
  }
  const { problems } = await verifyDataDir(server.dataDir, { hashes: true });
  return [...damage, ...problems.map(({ kind, stream, message }) => `${kind} ${stream}: ${message}`)];
}

/** All events of a run, page by page. */
export async function readEvents(client: Client, runId: string): Promise<EventRecord[]> {
  const events: EventRecord[] = [];
  for (;;) {
    const page = await client.runs.events(runId, { after: events.length });
    events.push(...page.events);
    if (page.events.length === 0 || events.length >= page.lastSeq) return events;
  }
}

/** All output of a run as it is stored now, that of its agents included. */
export async function readOutput(client: Client, runId: string): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = [];
  for (const stream of OUTPUT_STREAMS)
    for await (const chunk of client.runs.watchOutput(runId, { stream, follow: false })) chunks.push(chunk);
  return chunks.toSorted((one, other) => one.seq - other.seq);
}

function eventDamage({ run, steps }: RunDetails, events: readonly EventRecord[]): string[] {
  const finals = events.filter(({ type }) => FINAL_RUN_EVENTS.has(type));
  const count = (type: string, name: string) =>
    events.filter((event) => event.type === type && event.data["name"] === name).length;
  return [
    ...unless(isFinal(RUN_TRANSITIONS, run.status), `it is ${run.status} still`),
    ...unless(isGapless(events), "its events have a hole"),
    ...unless(events.length === run.lastSeq, `it has ${events.length} events and says ${run.lastSeq}`),
    ...unless(finals.length === 1, `it has ${finals.length} final events`),
    ...unless(events.at(-1)?.type === `run.${run.status}`, `it is ${run.status} and ends otherwise`),
    ...steps.flatMap(({ name, attempts }) => [
      ...unless(count("step.finished", name) <= 1, `step ${name} was finished more than once`),
      ...unless(count("attempt.leased", name) === attempts.length, `step ${name} has attempts that nobody was given`),
    ]),
  ];
}

function stepDamage({ name, tool, status, attempts }: StepDetails): string[] {
  const winners = attempts.filter((attempt) => attempt.status === "succeeded" || attempt.status === "skipped").length;
  const isWon = status === "succeeded" && findTool(tool)?.doneBy === "runner";
  const live = attempts.filter((attempt) => !isFinal(ATTEMPT_TRANSITIONS, attempt.status));
  const complaints = [
    ...unless(isFinal(STEP_TRANSITIONS, status), `it is ${status} still`),
    ...unless(live.length === 0, `${live.length} of its attempts live`),
    ...unless(isWon ? winners === 1 : winners <= 1, `it is ${status} and ${winners} of its attempts won`),
    ...unless(
      attempts.every(({ epoch }, index) => epoch > (attempts[index - 1]?.epoch ?? 0)),
      "its epochs do not rise",
    ),
  ];
  return complaints.map((complaint) => `step ${name}: ${complaint}`);
}

function outputDamage(chunks: readonly OutputChunk[]): string[] {
  const ends = new Map<string, number>();
  const holes = chunks.filter(({ attemptId, stream, offset, length }) => {
    const key = `${attemptId} ${stream}`;
    const end = ends.get(key) ?? 0;
    ends.set(key, offset + length);
    return offset !== end;
  });
  return [
    ...unless(isGapless(chunks), "its output has a hole in its numbers"),
    ...holes.map(({ attemptId, stream, offset }) => `${stream} of ${attemptId} jumps to ${offset}`),
  ];
}

function isGapless(items: readonly { readonly seq: number }[]): boolean {
  return items.every(({ seq }, index) => seq === index + 1);
}

function unless(isWell: boolean, complaint: string): string[] {
  return isWell ? [] : [complaint];
}
