import { createRequire } from "node:module";

import { SpawnError } from "../process/spawn-error.ts";

/** What the system offers for terminals, as the compiled part of node-pty has it. */
export interface NativePty {
  /** Makes a terminal: descriptors of both its ends, which do not wait, and the path of the far one. */
  open(columns: number, rows: number): { readonly master: number; readonly slave: number; readonly pty: string };
  resize(master: number, columns: number, rows: number): void;
}

let loaded: NativePty | undefined;

/**
 * Loads it when a terminal is first wanted, so that a machine without a compiled part for it still runs everything else.
 * Throws `SpawnError` there. node-pty's own class is not used: it cuts off what a process wrote last when nobody has read it
 * 200 ms after the end, and it blocks the event loop when a process does not read what is typed.
 */
export function nativePty(): NativePty {
  if (loaded) return loaded;
  try {
    const { requireBinary } = createRequire(import.meta.url)("@lydell/node-pty/requireBinary.js") as {
      readonly requireBinary: (file: "pty.node") => NativePty;
    };
    return (loaded = requireBinary("pty.node"));
  } catch (error) {
    const machine = `${process.platform}-${process.arch}`;
    throw new SpawnError("missing_dependency", `this runner has no terminals: none are built for ${machine}`, error);
  }
}
