import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SessionUpdate } from "@agentclientprotocol/sdk";
import * as z from "zod";

const EntrySchema = z.union([
  z.object({ prompt: z.string(), isCounted: z.boolean() }),
  // What this agent has told, in its own words.
  z.object({ update: z.custom<SessionUpdate>((value) => typeof value === "object" && value !== null) }),
]);
type Entry = z.infer<typeof EntrySchema>;

/** What a session said, line by line in a file, so that another process can go on with it. */
export class SessionFile {
  readonly #path: string;
  readonly #entries: Entry[];

  private constructor(path: string, entries: Entry[]) {
    this.#path = path;
    this.#entries = entries;
  }

  static create(folder: string, id: string): SessionFile {
    mkdirSync(folder, { recursive: true });
    const path = pathOf(folder, id);
    appendFileSync(path, "");
    return new SessionFile(path, []);
  }

  /** Undefined when there is no such session. */
  static open(folder: string, id: string): SessionFile | undefined {
    if (!ID.test(id) || !existsSync(pathOf(folder, id))) return undefined;
    const lines = readFileSync(pathOf(folder, id), "utf8").split("\n");
    return new SessionFile(pathOf(folder, id), lines.flatMap(entryOf));
  }

  /** Everything said so far, as it is told to who loads the session. */
  get updates(): readonly SessionUpdate[] {
    return this.#entries.map((entry) => ("update" in entry ? entry.update : userMessage(entry.prompt)));
  }

  /** How many messages there are, of both sides. */
  get messages(): number {
    return this.updates.filter(({ sessionUpdate }) => MESSAGES.has(sessionUpdate)).length;
  }

  get prompts(): number {
    return this.#entries.filter((entry) => "prompt" in entry).length;
  }

  /** How many prompts took the next turn of the script. */
  get countedPrompts(): number {
    return this.#entries.filter((entry) => "prompt" in entry && entry.isCounted).length;
  }

  keepPrompt(prompt: string, isCounted: boolean): void {
    this.#keep({ prompt, isCounted });
  }

  keepUpdate(update: SessionUpdate): void {
    this.#keep({ update });
  }

  /** At once, so that nothing is lost when this process is killed. */
  #keep(entry: Entry): void {
    this.#entries.push(entry);
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`);
  }
}

const ID = /^[0-9a-f-]{36}$/;
const MESSAGES: ReadonlySet<string> = new Set(["user_message_chunk", "agent_message_chunk"]);

function pathOf(folder: string, id: string): string {
  return join(folder, `${id}.jsonl`);
}

/** The last line may be cut off where a process was killed. */
function entryOf(line: string): Entry[] {
  try {
    const { success, data } = EntrySchema.safeParse(JSON.parse(line));
    return success ? [data] : [];
  } catch {
    return [];
  }
}

function userMessage(text: string): SessionUpdate {
  return { sessionUpdate: "user_message_chunk", content: { type: "text", text } };
}
