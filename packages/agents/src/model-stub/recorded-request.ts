import type { IncomingHttpHeaders } from "node:http";
import type { DialectName } from "./dialect.ts";
import { lastTurn } from "./conversation.ts";
import type { ModelRequest, ToolResult } from "./conversation.ts";
import type { Played } from "./play.ts";
import type { Scenario } from "./scenario.ts";

/** What became of a request. */
export type RequestOutcome =
  /** It is being answered. */
  | "open"
  /** It was answered to the end. */
  | "answered"
  /** It got an HTTP error. */
  | "refused"
  /** The stub cut the connection, as the scenario asks. */
  | "cut"
  /** The agent closed the connection before the answer's end. */
  | "aborted";

/** A request as the stub saw it: what the agent really sent. */
export interface RecordedRequest {
  readonly method: string;
  /** With the query, less a key in it. */
  readonly path: string;
  /** The credential, masked: where it stood, its first characters and its length. */
  readonly credential: string | undefined;
  /** Agents tell their version in it. */
  readonly userAgent: string | undefined;
  /** Undefined for an address that no dialect has. */
  readonly dialect: DialectName | undefined;
  readonly model: string | undefined;
  readonly tools: readonly string[];
  /** The last thing that the user said. */
  readonly prompt: string | undefined;
  /** How many messages of either side stood before it. */
  readonly earlierMessages: number;
  /** What came of the tools since. */
  readonly toolResults: readonly ToolResult[];
  /** Undefined for a request beside the conversation, such as for a title. */
  readonly scenario: Scenario["scenario"] | undefined;
  /** Which answer of the scenario it got, from 0. */
  readonly step: number;
  /** Why the stub could not do as it was asked. A test that finds one has asked wrongly. */
  readonly problem: string | undefined;
  /** The HTTP status; 0 until there is one. */
  readonly status: number;
  readonly outcome: RequestOutcome;
  /** The whole body, parsed; undefined when it is no JSON. */
  readonly body: unknown;
}

/** A record that is still being written. */
export type OpenRecord = { -readonly [Key in keyof RecordedRequest]: RecordedRequest[Key] };

/** What is known before the body is read. */
export function beginRecord(method: string, url: URL, headers: IncomingHttpHeaders): OpenRecord {
  return {
    method,
    path: maskedPath(url),
    credential: credentialIn(headers, url),
    userAgent: headers["user-agent"],
    dialect: undefined,
    model: undefined,
    tools: [],
    prompt: undefined,
    earlierMessages: 0,
    toolResults: [],
    scenario: undefined,
    step: 0,
    problem: undefined,
    status: 0,
    outcome: "open",
    body: undefined,
  };
}

/** Adds what was asked of the model. */
export function recordModelRequest(record: OpenRecord, { model, tools, conversation }: ModelRequest): void {
  const { earlier, prompt, results } = lastTurn(conversation);
  record.model = model;
  record.tools = tools.map(({ name }) => name);
  record.prompt = prompt;
  record.earlierMessages = earlier.filter(({ kind }) => kind === "user" || kind === "assistant").length;
  record.toolResults = results;
}

/** Adds what the stub decided. */
export function recordPlayed(record: OpenRecord, { scenario, step, problem }: Played): void {
  record.scenario = scenario;
  record.step = step;
  record.problem = problem;
}

/** The key that a request carries, wherever its dialect puts it. */
export function keyIn(
  headers: IncomingHttpHeaders,
  url: URL,
): { readonly where: string; readonly key: string } | undefined {
  for (const where of KEY_HEADERS) {
    const value = headers[where];
    if (typeof value === "string") return { where, key: value.replace(/^Bearer /i, "") };
  }
  const key = url.searchParams.get("key");
  return key === null ? undefined : { where: "query", key };
}

const KEY_HEADERS = ["authorization", "x-api-key", "x-goog-api-key"] as const;
const SHOWN = 4;

function credentialIn(headers: IncomingHttpHeaders, url: URL): string | undefined {
  const found = keyIn(headers, url);
  return found && `${found.where}: ${found.key.slice(0, SHOWN)}… (${found.key.length} characters)`;
}

function maskedPath(url: URL): string {
  const shown = new URL(url);
  if (shown.searchParams.has("key")) shown.searchParams.set("key", "…");
  return `${shown.pathname}${shown.search}`;
}
