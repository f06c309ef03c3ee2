import { decodeVersions, encodeVersions, type Versions } from "../codec/versions-codec.ts";
import { InvalidDeltaError } from "../errors.ts";
import { isReplicaId } from "../ids.ts";

/** What replicas of one plugin send each other. `from` is who sends it, `to` whom it is for; without it, it is for all. */
export type SyncMessage = Hello | DeltaMessage | Pull | Page | More | Leave;

/** How far a replica has seen everybody's operations. */
export interface Hello {
  readonly type: "hello";
  readonly from: string;
  readonly to?: string | undefined;
  readonly versions: Versions;
  /** Of all its dots: equal where the versions are equal, or something went wrong. */
  readonly digest: string;
  /** Whether it is new, so that everybody says hello as well. */
  readonly isJoining: boolean;
}

/** What it has done. */
export interface DeltaMessage {
  readonly type: "delta";
  readonly from: string;
  readonly bytes: Uint8Array;
}

/** Asks one replica for what it has and the asker has not. */
export interface Pull {
  readonly type: "pull";
  readonly from: string;
  readonly to: string;
  /** Names this transfer among those of the asker. */
  readonly transfer: number;
  readonly versions: Versions;
  /** Asks for everything: the deltas that would fill the gap are not enough. */
  readonly isWhole: boolean;
}

/** A piece of the answer. */
export interface Page {
  readonly type: "page";
  readonly from: string;
  readonly to: string;
  readonly transfer: number;
  readonly index: number;
  readonly count: number;
  /** Deltas, each to be applied; or pages of a state, to be joined when all are there. */
  readonly kind: "deltas" | "state";
  readonly parts: readonly Uint8Array[];
}

/** Asks for another piece. */
export interface More {
  readonly type: "more";
  readonly from: string;
  readonly to: string;
  readonly transfer: number;
  readonly index: number;
}

/** It goes, and need not be told any more. */
export interface Leave {
  readonly type: "leave";
  readonly from: string;
}

/** As a payload of the bus, which is JSON: bytes as base64. */
export function toPayload(message: SyncMessage): Record<string, unknown> {
  switch (message.type) {
    case "hello":
    case "pull":
      return { ...message, versions: toBase64(encodeVersions(message.versions)) };
    case "delta":
      return { ...message, bytes: toBase64(message.bytes) };
    case "page":
      return { ...message, parts: message.parts.map(toBase64) };
    case "more":
    case "leave":
      return { ...message };
  }
}

/** Reads a payload. Refuses with an InvalidDeltaError what is no message. */
export function fromPayload(payload: unknown): SyncMessage {
  const fields = new Fields(payload);
  const from = fields.replicaId("from");
  switch (fields.text("type")) {
    case "hello":
      return { type: "hello", from, to: fields.optionalReplicaId("to"), ...fields.hello() };
    case "delta":
      return { type: "delta", from, bytes: fields.bytes("bytes") };
    case "pull":
      return { type: "pull", from, to: fields.replicaId("to"), ...fields.pull() };
    case "page":
      return { type: "page", from, to: fields.replicaId("to"), ...fields.page() };
    case "more":
      return { type: "more", from, to: fields.replicaId("to"), ...fields.more() };
    case "leave":
      return { type: "leave", from };
    default:
      throw invalid("type");
  }
}

/** The fields of a payload; each is checked as it is read. A schema library would take longer to load than all the rest. */
class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(payload: unknown) {
    if (typeof payload !== "object" || payload === null) throw invalid("payload");
    // Any object may be asked for a property.
    this.#fields = payload as Record<string, unknown>;
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== "string") throw invalid(name);
    return value;
  }

  replicaId(name: string): string {
    const value = this.text(name);
    if (!isReplicaId(value)) throw invalid(name);
    return value;
  }

  optionalReplicaId(name: string): string | undefined {
    return this.#fields[name] === undefined ? undefined : this.replicaId(name);
  }

  number(name: string): number {
    const value = this.#fields[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw invalid(name);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    if (typeof value !== "boolean") throw invalid(name);
    return value;
  }

  bytes(name: string): Uint8Array {
    return fromBase64(this.#fields[name], name);
  }

  hello(): Pick<Hello, "versions" | "digest" | "isJoining"> {
    return { versions: this.#versions(), digest: this.text("digest"), isJoining: this.flag("isJoining") };
  }

  pull(): Pick<Pull, "transfer" | "versions" | "isWhole"> {
    return { transfer: this.number("transfer"), versions: this.#versions(), isWhole: this.flag("isWhole") };
  }

  page(): Pick<Page, "transfer" | "index" | "count" | "kind" | "parts"> {
    const kind = this.text("kind");
    if (kind !== "deltas" && kind !== "state") throw invalid("kind");
    const parts = this.#fields["parts"];
    if (!Array.isArray(parts)) throw invalid("parts");
    return { ...this.more(), count: this.number("count"), kind, parts: parts.map((part) => fromBase64(part, "parts")) };
  }

  more(): Pick<More, "transfer" | "index"> {
    return { transfer: this.number("transfer"), index: this.number("index") };
  }

  #versions(): Versions {
    return decodeVersions(this.bytes("versions"));
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function fromBase64(text: unknown, name: string): Uint8Array {
  if (typeof text !== "string") throw invalid(name);
  return Buffer.from(text, "base64");
}

function invalid(name: string): InvalidDeltaError {
  return new InvalidDeltaError(`a sync message has no proper ${name}`);
}
