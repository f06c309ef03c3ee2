import { displayText, type AgentEvent } from "@signalbox/agents";
import {
  limit,
  SessionFactSchema,
  type AnswerRefusal,
  type ApprovalContent,
  type SessionFact,
  type SessionFactOf,
} from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";

import type { ByteRedaction } from "../redaction/redactor.ts";

import { factsOf } from "./facts-of-event.ts";
import { Hearing } from "./hearing.ts";
import { PieceRedaction } from "./piece-redaction.ts";

export interface SessionJournalSettings {
  readonly orgId: string;
  readonly sessionId: string;
  readonly attemptId: string;
  readonly epoch: number;
  /** Takes secrets out of a text: what is shown, and hashed, is what is left. */
  readonly redact: (text: string) => string;
  /** The same for a text that comes in pieces. */
  readonly redaction: () => ByteRedaction;
  /** Appends to an output stream of the attempt. */
  readonly say: (text: string, stream: "agent" | "session") => Promise<void>;
}

/**
 * Writes down what an agent says and does: every event on the stream `agent`, and on the stream `session` the facts that the
 * control plane acts on. Knows what the agent waits for, by the hash of what was asked.
 */
export class SessionJournal {
  /** Whether the session has a terminal; told when the agent is ready. */
  hasTerminal = false;
  readonly #settings: SessionJournalSettings;
  readonly #asked = new Map<string, string>();
  readonly #pieces: PieceRedaction;
  readonly #hearing = new Hearing();
  #isLeft = false;
  /** Lines go to disk in the order in which they were written here. */
  #last: Promise<void> = Promise.resolve();

  constructor(settings: SessionJournalSettings) {
    this.#settings = settings;
    this.#pieces = new PieceRedaction(settings.redaction);
  }

  /** Records an event. Resolves when the disk has taken it, which holds back an agent that floods. */
  async write(event: AgentEvent): Promise<void> {
    await this.record(event);
    if (this.#hearing.isSign(event)) await this.tell({ fact: "heard" });
    for (const fact of factsOf(event, this.hasTerminal)) {
      if (!this.#isLeft || !ENDINGS.has(fact.fact)) await this.tell(fact);
    }
  }

  /** Records an event that the control plane need not know of. */
  async record(event: AgentEvent): Promise<void> {
    for (const redacted of this.#pieces.pass(event)) await this.#append("agent", redacted);
  }

  /**
   * The attempt is stopped, and its agent with it. That is no end of what the agent was at: whoever stops the attempt knows
   * whether another is to go on with it.
   */
  leave(): void {
    this.#isLeft = true;
  }

  /** Records a fact of the runner's own. */
  async tell(fact: SessionFact): Promise<void> {
    const bounded = fact.fact === "asked" ? showable(mapTexts(fact, this.#settings.redact)) : fact;
    if (bounded.fact === "asked") this.#asked.set(bounded.requestId, this.#hashOf(bounded));
    if (bounded.fact === "withdrawn") this.#asked.delete(bounded.requestId);
    await this.#append("session", bounded);
  }

  /**
   * Takes an answer to what the agent waits for now: same request, same content. It counts once. Answers why it is none,
   * or undefined.
   */
  takeAnswer(requestId: string, contentHash: string): AnswerRefusal | undefined {
    const asked = this.#asked.get(requestId);
    this.#asked.delete(requestId);
    if (asked === undefined) return "NOT_WAITING";
    return asked === contentHash ? undefined : "CONTENT_CHANGED";
  }

  #hashOf({ requestId, kind, action, description, context, questions }: SessionFactOf<"asked">): string {
    const { orgId, sessionId, attemptId, epoch } = this.#settings;
    const content: ApprovalContent = {
      v: 1,
      orgId,
      sessionId,
      kind,
      action,
      description,
      context,
      questions,
      origin: { attemptId, epoch, requestId },
    };
    return hashApprovalContent(content);
  }

  #append(stream: "agent" | "session", line: AgentEvent | SessionFact): Promise<void> {
    const before = this.#last;
    this.#last = (async () => {
      await before;
      await this.#settings.say(`${JSON.stringify(line)}\n`, stream);
    })();
    return this.#last;
  }
}

/** Facts that stopping an agent brings about. */
const ENDINGS: ReadonlySet<SessionFact["fact"]> = new Set(["turn_ended", "withdrawn", "ended"]);

/** A value of JSON with every text in it replaced, names of fields too. */
function mapTexts<Value>(value: Value, change: (text: string) => string): Value {
  const map = (part: unknown): unknown => {
    if (typeof part === "string") return change(part);
    if (Array.isArray(part)) return part.map(map);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, field]) => [change(name), map(field)]));
  };
  // Only texts become other texts; the shape stays.
  return map(value) as Value;
}

/** What is decided must be shown whole: a question that cannot be is made one that can only be denied. */
function showable(fact: SessionFactOf<"asked">): SessionFactOf<"asked"> {
  const { context, questions } = fact;
  const short = {
    ...fact,
    action: displayText(fact.action).slice(0, 200) || "unnamed",
    description: shortened(displayText(fact.description)),
  };
  const most = limit("approval.contextBytes");
  const bytes = bytesOf(context) + bytesOf(questions);
  // As the other side will read it, so that both hash the same.
  const read = SessionFactSchema.safeParse(JSON.parse(JSON.stringify(short)));
  if (read.data?.fact === "asked" && bytes <= most) return read.data;
  return { ...short, context: { cannotBeShown: true, bytes, limit: most }, questions: null };
}

const DESCRIPTION_LENGTH = 4_000;

/** Says so where it is cut: the end of a command is as much part of it as its beginning, and stands in the context. */
function shortened(text: string): string {
  if (text.length <= DESCRIPTION_LENGTH) return text;
  const mark = ` … (the first characters of ${text.length}; all of them are in the context)`;
  return text.slice(0, DESCRIPTION_LENGTH - mark.length) + mark;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
