import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { UnitMap } from "../unit.ts";
import { openWriterConnection } from "./connection.ts";
import { isCloneable, toWireError } from "./error-wire.ts";
import { GroupBuffer } from "./group-buffer.ts";
import { GroupExecutor } from "./group-executor.ts";
import type { GroupOutcome } from "./group-executor.ts";
import { isTextual, toText } from "./plain-data.ts";
import { troubleOnDisk } from "./trouble-on-disk.ts";
import type { QueuedUnit } from "./unit-queue.ts";
import { WalCheckpoint } from "./wal-checkpoint.ts";
import type { FromWriter, ToWriter, WriterAnswerMessage, WriterThreadSettings } from "./writer-messages.ts";

// The writer's thread: runs what it is sent, as much as waits in one commit, and answers after the commit.

const settings = workerData as WriterThreadSettings;
const port = parentPort as MessagePort;
const { units } = (await import(settings.unitsUrl)) as { units: UnitMap };
const database = openWriterConnection(settings.databaseFile, settings.busyTimeoutMs);
const executor = new GroupExecutor({ database, units, troubleOf: (error) => troubleOnDisk(error, settings.directory) });
const checkpoint = new WalCheckpoint({ database, walFile: settings.walFile, busyTimeoutMs: settings.busyTimeoutMs });
const buffer = new GroupBuffer(settings.limits);

let hasFailed = false;

port.on("message", (message: ToWriter) => {
  accept(message);
  workWhileThereIsWork();
});
post({ kind: "ready" });

function workWhileThereIsWork(): void {
  takeWhatWaits();
  for (let group = buffer.next(); group.length > 0 && !hasFailed; group = buffer.next()) {
    const outcome = executor.execute(group);
    // A sync that failed is never tried again: what it was to make durable may be gone from memory. The thread stays
    // where it is until it is ended from outside, as closing the database would sync once more.
    if (outcome.fatal) hasFailed = true;
    answer(outcome);
    if (!hasFailed) orFail(() => checkpoint.afterCommit(group.length));
    takeWhatWaits();
  }
}

function takeWhatWaits(): void {
  while (!buffer.hasFullGroup) {
    const received = receiveMessageOnPort(port) as { message: ToWriter } | undefined;
    if (!received) return;
    accept(received.message);
  }
}

/** The words of the end come when all units are answered, so they never overtake one. */
function accept(message: ToWriter): void {
  if (hasFailed) return;
  if (message === "close") return close();
  if (message === "checkpoint") return finish();
  buffer.add(message.map(withArguments));
}

function withArguments(unit: QueuedUnit): QueuedUnit {
  return unit.text === undefined ? unit : { ...unit, args: JSON.parse(unit.text) as unknown };
}

function finish(): void {
  orFail(() => checkpoint.finish());
  if (!hasFailed) post({ kind: "checkpointed" });
}

function close(): void {
  database.close();
  port.close();
}

function orFail(work: () => void): void {
  try {
    work();
  } catch (error) {
    hasFailed = true;
    post({ kind: "fatal", error: toWireError(error) });
  }
}

function answer({ results, failures, fatal }: GroupOutcome): void {
  const wireFailures = failures.map(({ index, error }) => ({ index, error: toWireError(error) }));
  const message = { kind: "answer", results, failures: wireFailures, fatal: fatal && toWireError(fatal) } as const;
  try {
    post({ ...message, results: asText(results) ?? results });
  } catch {
    post(withoutUnsendable(message));
  }
}

/** Results are of different units, so each is looked at. */
function asText(results: unknown[]): string | undefined {
  return results.every((result) => isTextual(result)) ? toText(results) : undefined;
}

/** The effects of such a unit are stored, but what it returned cannot be told: a bug in the unit. */
function withoutUnsendable(message: WriterAnswerMessage & { readonly results: unknown[] }): WriterAnswerMessage {
  const { results, failures } = message;
  const error = toWireError(new TypeError("the unit is stored, but what it returned is not plain data"));
  const unsendable = results.flatMap((result, index) => (isCloneable(result) ? [] : [{ index, error }]));
  return {
    ...message,
    results: results.map((result) => (isCloneable(result) ? result : undefined)),
    failures: [...failures, ...unsendable].sort((a, b) => a.index - b.index),
  };
}

function post(message: FromWriter): void {
  port.postMessage(message);
}
