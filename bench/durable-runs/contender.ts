/** A system that can take an order, carry it out with a step that does nothing, and keep the record. */
export interface Contender extends AsyncDisposable {
  /** From the order to its recorded end. */
  readonly runOne: () => Promise<void>;
}

/** What a contender is told. */
export interface Task {
  readonly name: ContenderName;
  readonly inFlight: number;
  readonly warmMs: number;
  readonly measureMs: number;
  /** An empty folder, for those who keep files. */
  readonly directory: string;
  /** The service to use: a port of Redis, an address of PostgreSQL. */
  readonly service?: string;
}

/** What came out. */
export interface Measured {
  readonly perSecond: number;
  /** Processor time of this process, all threads, for each run. The service's own is not in it. */
  readonly cpuUs: number;
}

export type ContenderName = "signalbox" | "units" | "bare" | "bullmq" | "graphile" | "dbos";

/** The text of the order, the same for all. */
export const GOAL = "run the tests of the payments service and report what failed, with the logs of each failure";
