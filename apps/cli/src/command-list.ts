import type { CommandModule } from "./program.ts";

/** A command that can be named before its file is loaded. */
export interface CommandEntry {
  readonly summary: string;
  readonly group: string;
  load(): Promise<CommandModule>;
}

const RUNS = "Runs";

/** Every command, in the order of the help text. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: { summary: "start a run and watch it", group: RUNS, load: () => import("./commands/run.ts") },
  runs: { summary: "list runs, or show one", group: RUNS, load: () => import("./commands/runs.ts") },
  logs: { summary: "print what a run wrote", group: RUNS, load: () => import("./commands/logs.ts") },
  cancel: { summary: "cancel a run", group: RUNS, load: () => import("./commands/cancel.ts") },
};
