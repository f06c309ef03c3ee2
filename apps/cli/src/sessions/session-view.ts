import type { AgentEvent, AgentEventOf } from "@signalbox/agents";
import type { EventRecord, SessionEventData } from "@signalbox/protocol";

import type { Output } from "../output.ts";
import { resumedWords } from "./resumed-words.ts";
import { count } from "../text/format.ts";
import { outputLine, remoteText, streamedText } from "../text/remote-text.ts";

/** What of a tool's output is shown; all of it is in the log of the session. */
const OUTPUT_LINES = 12;

/** Prints a session as it goes on: the agent's words as they come, and a line for whatever else happens. */
export class SessionView {
  readonly #output: Output;
  readonly #tools = new Map<string, string>();
  #isInLine = false;
  #starts = 0;
  #isThinking = false;
  readonly #asked = new Map<string, () => void>();

  constructor(output: Output) {
    this.#output = output;
  }

  /** Resolves once the agent's own words have come to a request, or after a while. */
  async untilAsked(requestId: string, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.#asked.has(requestId)) return resolve();
      const timer = setTimeout(resolve, timeoutMs);
      this.#asked.set(requestId, () => (clearTimeout(timer), resolve()));
    });
  }

  /** Something that the agent said or did. */
  agent(event: AgentEvent): void {
    if (event.type === "approval.requested" || event.type === "question.requested") this.#hasAsked(event.requestId);
    if (this.#output.isJson) return this.#output.document({ agent: event });
    switch (event.type) {
      case "text.delta":
        return this.#words(event.text, false);
      case "thought.delta":
        return this.#words(event.text, true);
      case "message.done":
        return this.endLine();
      case "tool.started":
        return this.#toolStarted(event);
      case "tool.output":
        return this.#toolOutput(event);
      case "tool.ended":
        return this.#toolEnded(event);
      case "plan":
        return this.#plan(event);
      case "session.ready":
        return this.#ready(event);
      case "turn.ended":
        return this.#turnEnded(event);
      case "process.exited":
        return event.reason === "closed" ? undefined : this.line(this.#output.colors.red(remoteText(event.message)));
      // The session's own log tells of these, or nobody needs them on a screen.
      case "turn.started":
      case "turn.steered":
      case "tool.updated":
      case "diff":
      case "approval.requested":
      case "approval.resolved":
      case "question.requested":
      case "question.resolved":
      case "usage":
      case "protocol.error":
      case "raw":
    }
  }

  /** Something that happened to the session. */
  event(event: EventRecord): void {
    if (this.#output.isJson) return this.#output.document({ event });
    const words = wordsOf(event);
    if (words !== undefined) this.line(this.#output.colors.dim(words));
  }

  /** A line of its own. */
  line(text: string): void {
    if (this.#output.isJson) return;
    this.endLine();
    this.#output.line(text);
  }

  /** Ends the line that the agent's words stand in. */
  endLine(): void {
    if (this.#isInLine) this.#output.stdout.write("\n");
    this.#isInLine = false;
  }

  /** Told from its own words, so that it stands before the first of them. */
  #ready({ model, resumed, resumeFailure }: AgentEventOf<"session.ready">): void {
    const isFirst = this.#starts++ === 0 && resumed === "fresh" && resumeFailure === undefined;
    const how = isFirst ? "" : `; ${resumedWords({ resumed, resumeFailure })}`;
    const whose = model === undefined ? "" : ` with ${remoteText(model)}`;
    this.line(this.#output.colors.dim(`the agent is ready${whose}${how}`));
  }

  #hasAsked(requestId: string): void {
    this.#asked.get(requestId)?.();
    this.#asked.set(requestId, () => undefined);
  }

  #words(text: string, isThought: boolean): void {
    const shown = streamedText(text);
    if (shown === "") return;
    if (this.#isThinking !== isThought) this.endLine();
    this.#isThinking = isThought;
    this.#output.stdout.write(isThought ? this.#output.colors.dim(shown) : shown);
    this.#isInLine = !shown.endsWith("\n");
  }

  #toolStarted({ toolCallId, title, command, kind }: AgentEventOf<"tool.started">): void {
    const name = remoteText(kind === "command" ? (command ?? title) : title);
    this.#tools.set(toolCallId, name);
    this.line(`${this.#output.colors.cyan("●")} ${name}`);
  }

  #toolOutput({ text }: AgentEventOf<"tool.output">): void {
    const lines = text.replace(/\n$/, "").split("\n");
    const left = lines.length - OUTPUT_LINES;
    if (left > 0) this.line(this.#output.colors.dim(`  … ${left} lines before`));
    for (const line of lines.slice(-OUTPUT_LINES)) this.line(this.#output.colors.dim(`  ${outputLine(line)}`));
  }

  #toolEnded({ toolCallId, status, exitCode, message }: AgentEventOf<"tool.ended">): void {
    const name = this.#tools.get(toolCallId);
    this.#tools.delete(toolCallId);
    if (status === "ok" || name === undefined) return;
    const why = message ?? (exitCode === undefined ? undefined : `exit code ${exitCode}`);
    this.line(this.#output.colors.yellow(`  ${status}: ${name}${why === undefined ? "" : ` (${remoteText(why)})`}`));
  }

  #plan({ entries }: AgentEventOf<"plan">): void {
    const marks = { pending: "○", in_progress: "◐", completed: "●" };
    this.line(this.#output.colors.dim("plan"));
    for (const { text, status } of entries)
      this.line(this.#output.colors.dim(`  ${marks[status]} ${remoteText(text)}`));
  }

  #turnEnded({ status, error }: AgentEventOf<"turn.ended">): void {
    this.endLine();
    if (status === "completed") return;
    const why = error === undefined ? "" : `: ${remoteText(error.message)}`;
    this.line(this.#output.colors.yellow(`the turn was ${status === "failed" ? "not finished" : "interrupted"}${why}`));
  }
}

/** What an event means to somebody who watches; undefined for those that the agent's own words tell. Pure. */
function wordsOf({ type, data }: EventRecord): string | undefined {
  switch (type) {
    case "session.interrupted":
      return "its machine was lost; the session waits for another";
    case "agent.ended":
      return "its agent is gone";
    case "session.state_changed": {
      const { to } = data as SessionEventData<"session.state_changed">;
      return to === "PAUSED_BY_HUMAN" ? "paused" : undefined;
    }
    case "workspace.changed": {
      const { files, added, removed } = data as SessionEventData<"workspace.changed">;
      return `${count(files, "file")} changed so far (+${added} -${removed})`;
    }
    case "input.taken":
      return "the agent was told";
    case "input.returned":
      return "the agent was lost before it did anything about what it was told; it will be told again";
    case "approval.resolved": {
      const { approvalId, state, reason } = data as SessionEventData<"approval.resolved">;
      return `${remoteText(approvalId)} is ${state}${reason === undefined ? "" : `: ${remoteText(reason)}`}`;
    }
    case "approval.refused": {
      const { approvalId, message } = data as SessionEventData<"approval.refused">;
      return `${remoteText(approvalId)} was allowed, and nothing came of it: ${remoteText(message)}`;
    }
    case "publish.requested": {
      const { branch, approvalId } = data as SessionEventData<"publish.requested">;
      return `to be published on ${remoteText(branch)}; it waits for a yes: signalbox approve ${approvalId}`;
    }
    case "publish.succeeded": {
      const { branch, commit = "", pullRequestUrl } = data as SessionEventData<"publish.succeeded">;
      const opened = pullRequestUrl === undefined ? "" : `: ${remoteText(pullRequestUrl)}`;
      return `published on ${remoteText(branch)} ${remoteText(commit.slice(0, 12))}${opened}`;
    }
    case "publish.failed": {
      const { branch, message } = data as SessionEventData<"publish.failed">;
      return `not published on ${remoteText(branch)}: ${remoteText(message)}`;
    }
    case "tool.denied": {
      const { description } = data as SessionEventData<"tool.denied">;
      return `its step does not allow this, and it was told no: ${remoteText(description)}`;
    }
    default:
      return undefined;
  }
}
