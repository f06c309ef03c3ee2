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
import type { FromWriter, ToWriter, WireFailure, WriterAnswerMessage, WriterThreadSettings } from "./writer-messages.ts";

// The writer's thread: runs what it is sent, as much as waits in one commit, and answers after the commit.

const settings = workerData as WriterThreadSettings;
const port = parentPort as MessagePort;
const { units } = (await import(settings.unitsUrl)) as { units: UnitMap };
const database = openWriterConnection(settings.databaseFile, settings.busyTimeoutMs);
const executor = new GroupExecutor({ database, units, troubleOf: (error) => troubleOnDisk(error, settings.directory) });
const checkpoint = new WalCheckpoint({ database, walFile: settings.walFile, busyTimeoutMs: settings.busyTimeoutMs });
const buffer = new GroupBuffer(settings.limits);

port.on("message", (message: ToWriter) => {
  accept(message);
  workWhileThereIsWork();
});
post({ kind: "ready" });

function workWhileThereIsWork(): void {
  takeWhatWaits();
  for (let group = buffer.next(); group.length > 0; group = buffer.next()) {
    const outcome = executor.execute(group);
    answer(outcome);
    if (outcome.fatal) return fail(outcome.fatal);
    keepLogShort(group.length);
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

function accept(message: ToWriter): void {
  if (message === "close") return close();
  buffer.add(message);
}

function answer({ results, failures }: GroupOutcome): void {
  const wireFailures = failures.map(({ index, error }) => ({ index, error: toWireError(error) }));
  try {
    post({ kind: "answer", results, failures: wireFailures });
  } catch {
    post({ kind: "answer", ...withoutUnsendable(results, wireFailures) });
  }
}

/** The effects of such a unit are stored, but what it returned cannot be told: a bug in the unit. */
function withoutUnsendable(results: unknown[], failures: WireFailure[]): Pick<WriterAnswerMessage, "results" | "failures"> {
  const error = toWireError(new TypeError("the unit is stored, but what it returned is not plain data"));
  const unsendable = results.flatMap((result, index) => (isCloneable(result) ? [] : [{ index, error }]));
  return {
    results: results.map((result) => (isCloneable(result) ? result : undefined)),
    failures: [...failures, ...unsendable].sort((a, b) => a.index - b.index),
  };
}

function keepLogShort(unitsInGroup: number): void {
  try {
    checkpoint.afterCommit(unitsInGroup);
  } catch (error) {
    fail(error);
  }
}

/** An fsync that failed is never tried again: what it was to make durable may be gone from memory. */
function fail(error: unknown): void {
  post({ kind: "fatal", error: toWireError(error) });
  port.close();
}

function close(): void {
  checkpoint.finish();
  database.close();
  port.close();
}

function post(message: FromWriter): void {
  port.postMessage(message);
}
