import type { Client } from "@signalbox/client";
import type { Runner } from "@signalbox/protocol";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { Context } from "../context.ts";
import { ChildKeeper, type ChildEnd } from "./child-keeper.ts";

/** What the runner of `up` is started with. */
export interface EmbeddedRunnerSettings {
  readonly client: Client;
  readonly serverUrl: string;
  /** Its own folder: key, spool and workspaces. */
  readonly folder: string;
  readonly allowsFileRepositories: boolean;
  /** Which agents it offers: `auto` or `listed`. */
  readonly agents: string;
  /** Where they are listed, if there is such a file and its environment names no other. */
  readonly agentsFile: string;
}

const ENDS_THAT_STAY: ReadonlySet<number | null> = new Set([2, 6]);
const PATIENCE_MS = 20_000;

/** The runner of this machine as a child process, admitted to the fleet and started again when it dies. */
export function embeddedRunner({ output, environment }: Context, settings: EmbeddedRunnerSettings): ChildKeeper {
  const flags = [...(settings.allowsFileRepositories ? ["--allow-file-repos"] : []), "--agents", settings.agents];
  const level = environment.variables["SIGNALBOX_LOG_LEVEL"] || "warn";
  return new ChildKeeper({
    async line() {
      const token = (await isEnrolled(settings.folder))
        ? {}
        : { SIGNALBOX_ENROLMENT_TOKEN: (await settings.client.runners.createEnrolmentToken()).token };
      const [, program = ""] = process.argv;
      const args = [
        program,
        "runner",
        "--stop-with-stdin",
        "--server",
        settings.serverUrl,
        "--data-dir",
        settings.folder,
        "--log-level",
        level,
        ...flags,
        ...(await agentsFileFlags(settings.agentsFile, environment.variables["SIGNALBOX_AGENTS_FILE"])),
      ];
      // The token of the server is nothing for a machine that runs the work of others.
      return { args, environment: { ...environment.variables, SIGNALBOX_TOKEN: undefined, ...token } };
    },
    isWorthRestart: ({ code }) => !ENDS_THAT_STAY.has(code),
    onRestart: (end, delayMs) =>
      output.note(`the runner ended (${endWords(end)}); it starts again in ${delayMs / 1_000} s`),
    onGivenUp: (end) => output.note(`the runner ended (${endWords(end)}) and will not start again; the server goes on`),
  });
}

/** The runner once it is connected; undefined when that takes too long. */
export async function untilOnline(client: Client, folder: string, signal: AbortSignal): Promise<Runner | undefined> {
  const endAt = performance.now() + PATIENCE_MS;
  while (performance.now() < endAt && !signal.aborted) {
    if (await isEnrolled(folder)) {
      const { items } = await client.runners.list({ pageSize: 200 }, { signal });
      const online = items.find(({ connected }) => connected);
      if (online) return online;
    }
    await pause(100, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

async function agentsFileFlags(file: string, named: string | undefined): Promise<readonly string[]> {
  return !named && (await isThere(file)) ? ["--agents-file", file] : [];
}

async function isEnrolled(folder: string): Promise<boolean> {
  return await isThere(join(folder, "runner.json"));
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function endWords({ code, signal }: ChildEnd): string {
  return signal === null ? `exit code ${code ?? "unknown"}` : signal;
}
