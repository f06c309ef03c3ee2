/** Why bytes are missing: the spool's quota was used up, its disk was full, or its file was damaged. */
export type GapReason = "quota" | "disk_full" | "corrupt";

/** Bytes that a process wrote to one of its streams. */
export interface OutputRecord {
  readonly type: "output";
  /** One to sixteen ASCII characters. */
  readonly stream: string;
  /** Counts the records of the stream from 1; a record that was lost leaves no hole. */
  readonly seq: number;
  /** How many bytes of the stream come before. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Bytes that a process wrote and nobody will read: exactly these, and why. */
export interface GapRecord {
  readonly type: "gap";
  readonly stream: string;
  readonly seq: number;
  readonly offset: number;
  readonly length: number;
  readonly reason: GapReason;
}

/** What a reader of a stream gets. */
export type StreamRecord = OutputRecord | GapRecord;

/** The grant that started the attempt ("meta"), or how it ended ("finish"): JSON values of the caller's. */
export type JournalRecord = MetaRecord | FinishRecord;

/** The grant that started the attempt. */
export interface MetaRecord {
  readonly type: "meta";
  readonly value: unknown;
}

/** How the attempt ended. */
export interface FinishRecord {
  readonly type: "finish";
  readonly value: unknown;
}

/** Everything that a spool keeps. */
export type SpoolRecord = StreamRecord | JournalRecord;
