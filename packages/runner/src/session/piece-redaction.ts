import type { AgentEvent } from "@signalbox/agents";
import { StringDecoder } from "node:string_decoder";

import type { ByteRedaction } from "../redaction/redactor.ts";

/** Events that carry a part of a longer text. */
type Piece = Extract<AgentEvent, { type: "text.delta" | "thought.delta" | "tool.output" }>;

interface Open {
  /** The last piece, for what is left to stand in. */
  piece: Piece;
  readonly redaction: ByteRedaction;
  readonly decoder: StringDecoder;
}

/**
 * Takes secrets out of what an agent says in pieces, also where a secret is cut between two. What could be the beginning of
 * one waits for the rest of it: until the message, the tool call or the turn is over.
 */
export class PieceRedaction {
  readonly #makeRedaction: () => ByteRedaction;
  readonly #open = new Map<string, Open>();

  constructor(makeRedaction: () => ByteRedaction) {
    this.#makeRedaction = makeRedaction;
  }

  /** What can be told now that this has happened, in order. */
  pass(event: AgentEvent): AgentEvent[] {
    switch (event.type) {
      case "text.delta":
      case "thought.delta":
        return this.#push(`${event.type} ${event.messageId}`, event);
      case "tool.output":
        return this.#push(`${event.type} ${event.toolCallId}`, event);
      case "message.done":
        return [...this.#end((key) => key.endsWith(` ${event.messageId}`)), event];
      case "tool.ended":
        return [...this.#end((key) => key === `tool.output ${event.toolCallId}`), event];
      case "turn.ended":
      case "process.exited":
        return [...this.#end(() => true), event];
      case "session.ready":
      case "turn.started":
      case "turn.steered":
      case "tool.started":
      case "tool.updated":
      case "plan":
      case "diff":
      case "approval.requested":
      case "approval.resolved":
      case "question.requested":
      case "question.resolved":
      case "usage":
      case "protocol.error":
      case "raw":
        return [event];
    }
  }

  #push(key: string, piece: Piece): AgentEvent[] {
    const open = this.#open.get(key) ?? {
      piece,
      redaction: this.#makeRedaction(),
      decoder: new StringDecoder("utf8"),
    };
    open.piece = piece;
    this.#open.set(key, open);
    return withText(piece, open.decoder.write(open.redaction.push(Buffer.from(piece.text))));
  }

  #end(isOver: (key: string) => boolean): AgentEvent[] {
    const over = [...this.#open].filter(([key]) => isOver(key));
    for (const [key] of over) this.#open.delete(key);
    return over.flatMap(([, { piece, redaction, decoder }]) =>
      withText(piece, decoder.write(redaction.flush()) + decoder.end()),
    );
  }
}

function withText(piece: Piece, text: string): AgentEvent[] {
  return text === "" ? [] : [{ ...piece, text }];
}
