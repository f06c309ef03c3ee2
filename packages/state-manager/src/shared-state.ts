import { checkPluginId, type Message, type MessageBus, type Subscription } from "@signalbox/messagebus";

import { winnerOf } from "./crdt/register.ts";
import { InvalidAnswerError, InvalidArgumentError, ReadRefusedError } from "./errors.ts";
import { limit } from "./limits.ts";
import type { StateStore } from "./state-store.ts";
import { copyValue } from "./value/copy-value.ts";
import { isList, type JsonValue } from "./value/json-value.ts";

/** Who may read an export. */
export interface ExportOptions {
  /** The ids of the plugins that may read it, at most 1,000. Default: every plugin of the bus. */
  readonly readers?: readonly string[] | undefined;
}

/** How an import is made. */
export interface ImportOptions {
  /** How long to wait, in milliseconds; default 30,000. */
  readonly timeout?: number | undefined;
  /** Gives up; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** An export as it is kept. */
interface Exported {
  readonly value: unknown;
  readonly readers?: readonly string[];
}

/** What a plugin is answered that reads an export. */
type Answer =
  | { readonly status: "success"; readonly isThere: boolean; readonly value?: unknown }
  | { readonly status: "error"; readonly error: typeof REFUSED };

const REFUSED = "READ_REFUSED";

/** What is kept for an export. Refuses with an InvalidArgumentError or InvalidPluginIdError readers that are no plugin ids. */
export function toExported(value: unknown, { readers }: ExportOptions): Exported {
  if (readers === undefined) return { value };
  if (!Array.isArray(readers) || readers.length > limit("readers.count")) {
    throw new InvalidArgumentError(`readers are at most ${limit("readers.count")} plugin ids`);
  }
  for (const reader of readers) checkPluginId(reader);
  return { value, readers };
}

/** Reads an export for a plugin, which may be the one that exports it. */
export function readExport({ replica }: StateStore, key: string, reader: string): Answer {
  const first = replica.entries.exports.first(key);
  if (!first) return { status: "success", isThere: false };
  const { value, readers } = toReadable(winnerOf(first).value);
  if (readers && !readers.includes(reader)) return { status: "error", error: REFUSED };
  return { status: "success", isThere: true, value };
}

/** Another replica may have written what is no export; nobody reads that. */
function toReadable(kept: JsonValue): Exported {
  if (typeof kept !== "object" || kept === null || isList(kept) || kept["value"] === undefined)
    return { value: undefined, readers: [] };
  const { value, readers } = kept;
  if (readers === undefined) return { value };
  return { value, readers: isList(readers) ? readers.filter((reader) => typeof reader === "string") : [] };
}

export interface ExportServerOptions {
  readonly bus: MessageBus;
  readonly store: StateStore;
  /** Resolves when this replica has what the others of its plugin had when it began. */
  readonly joined: () => Promise<void>;
}

/** Answers the plugins that read our exports. */
export class ExportServer {
  readonly #options: ExportServerOptions;
  #subscription: Subscription | undefined;

  constructor(options: ExportServerOptions) {
    this.#options = options;
  }

  /** Answers from now on; called again, also after the bus was cleared. */
  subscribe(): void {
    this.close();
    const { bus } = this.#options;
    this.#subscription = bus.subscribe(readTopic(bus.pluginId), (message) => this.#answer(message));
  }

  close(): void {
    this.#subscription?.unsubscribe();
  }

  async #answer({ source, payload, correlationId }: Message): Promise<void> {
    if (correlationId === undefined) return;
    const { bus, store, joined } = this.#options;
    const key = typeof payload?.key === "string" ? payload.key : "";
    // One that has just begun may not have it yet.
    if (!store.replica.entries.exports.first(key)) await joined();
    await bus.respond(correlationId, readExport(store, key, source));
  }
}

/** Asks another plugin for an export; undefined where it has none of that key. Rejects as `request` of the bus does. */
export async function readFrom(
  bus: MessageBus,
  pluginId: string,
  key: string,
  options: ImportOptions,
): Promise<unknown> {
  const { timeout = limit("import.timeoutMs"), signal } = options;
  checkPluginId(pluginId);
  const topic = readTopic(pluginId);
  const answer: unknown = await bus.request({ destination: pluginId, topic, payload: { key }, timeout, signal });
  return takeAnswer(answer, pluginId, key);
}

/** What an answer holds. Refuses with a ReadRefusedError or InvalidAnswerError. */
export function takeAnswer(answer: unknown, pluginId: string, key: string): unknown {
  // Any object may be asked for a property.
  const fields = (typeof answer === "object" && answer !== null ? answer : {}) as Record<string, unknown>;
  if (fields["status"] === "error" && fields["error"] === REFUSED) throw new ReadRefusedError(pluginId, key);
  if (fields["status"] !== "success" || typeof fields["isThere"] !== "boolean") throw new InvalidAnswerError(pluginId);
  // In process it is the very object that is kept there.
  return fields["isThere"] ? copyValue(fields["value"]) : undefined;
}

function readTopic(pluginId: string): string {
  return `plugin/${pluginId}/state/read`;
}
