import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type * as z from "zod";

import { ConfigError } from "../config-error.ts";
import { AgentsFileSchema, type AgentEntry } from "./agents-file.ts";

/** An agent that the owner offers, with every file that its entry names read. */
export interface OfferedAgent extends Omit<AgentEntry, "endpoint" | "script"> {
  readonly endpoint?: { readonly baseUrl: string; readonly apiKey: string } | undefined;
  /** What the scripted agent plays, as JSON. */
  readonly script?: string | undefined;
}

/** Reads which agents the owner offers; paths in it count from its folder. Undefined when the file is not there. Throws a `ConfigError`. */
export function readAgentsFile(file: string): ReadonlyMap<string, OfferedAgent> | undefined {
  const text = readText(file, file);
  if (text === undefined) return undefined;
  const parsed = AgentsFileSchema.safeParse(parseJson(text, file));
  if (!parsed.success) throw new ConfigError(`the agents in ${file} cannot be used: ${explain(parsed.error)}`);
  const read = (path: string): string => {
    const content = readText(resolve(dirname(file), path), file);
    if (content === undefined) throw new ConfigError(`${file} names ${path}, which is not there`);
    return content;
  };
  return new Map(Object.entries(parsed.data.agents).map(([provider, entry]) => [provider, withFiles(entry, read)]));
}

function withFiles({ endpoint, script, ...entry }: AgentEntry, read: (path: string) => string): OfferedAgent {
  return {
    ...entry,
    ...(endpoint ? { endpoint: { baseUrl: endpoint.baseUrl, apiKey: read(endpoint.apiKeyFile).trim() } } : {}),
    ...(script === undefined ? {} : { script: read(script) }),
  };
}

function readText(path: string, file: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new ConfigError(`${file}: ${path} cannot be read (${code ?? String(error)})`, { cause: error });
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${file} is no JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function explain(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; ");
}
