import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { UnitMap } from "../unit.ts";
import { openWriterConnection } from "./connection.ts";
import { isCloneable, toWireError } from "./error-wire.ts";
import { GroupBuffer } from "./group-buffer.ts";
import { GroupExecutor } from "./group-executor.ts";
import type { GroupOutcome } from "./group-executor.ts";
import { troubleOnDisk } from "./trouble-on-disk.ts";
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
  buffer.add(message);
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
    post(message);
  } catch {
    post(withoutUnsendable(message));
  }
}

/** The effects of such a unit are stored, but what it returned cannot be told: a bug in the unit. */
function withoutUnsendable(message: WriterAnswerMessage): WriterAnswerMessage {
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
