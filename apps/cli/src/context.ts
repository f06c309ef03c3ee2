import type { Client } from "@signalbox/client";

import type { CliEnvironment } from "./config.ts";
import type { Output } from "./output.ts";

/** What every command is given. */
export interface Context {
  readonly environment: CliEnvironment;
  readonly output: Output;
  readonly stdin: NodeJS.ReadStream;
  readonly cwd: string;
  /** Where the server is: --server, SIGNALBOX_URL, or this machine. */
  readonly serverUrl: string;
  /** What to be known by there, if there is anything. */
  readonly token: () => Promise<string | undefined>;
  readonly now: () => number;
  /** A client of that server; the library is loaded when this is first asked for. */
  readonly client: (options?: { readonly retries?: number; readonly timeoutMs?: number }) => Promise<Client>;
  /** Ctrl-C and its like, for commands that go on for a while. */
  readonly interrupts: Interrupts;
  /** The code that the process ends with, once the command has returned. */
  readonly exit: (code: number) => void;
}

/** Signals, as commands that go on for a while hear them. */
export interface Interrupts {
  /** Calls `hear` for each signal until it is disposed of; meanwhile signals do not end the process. */
  readonly on: (hear: (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void) => Disposable;
}
