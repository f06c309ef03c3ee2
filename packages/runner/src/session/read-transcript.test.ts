import type { AgentEvent } from "@signalbox/agents";
import { RECORD_LEFT_OUT } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { readTranscript } from "./read-transcript.ts";

const PROMPT: AgentEvent = { type: "turn.started", turnId: "turn-1", prompt: "größer 🙂" };
const ANSWER: AgentEvent = { type: "message.done", messageId: "m", text: "Done.", isTruncated: false };
const lines = (...values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");

/** A record that comes in pieces of so many bytes. */
async function* inPieces(text: string, bytes: number): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text);
  for (let start = 0; start < all.length; start += bytes) yield all.subarray(start, start + bytes);
}

describe("the record of a session", () => {
  it.each([1, 3, 7, 1_000])("is read whatever it is cut into (%i bytes)", async (bytes) => {
    const transcript = await readTranscript(inPieces(lines(PROMPT, ANSWER), bytes));

    expect(transcript).toEqual([
      { role: "user", text: "größer 🙂" },
      { role: "agent", text: "Done." },
    ]);
  });

  it.each([
    ["the mark of what is missing", lines(RECORD_LEFT_OUT)],
    ["the rest of a line", 'Done.","isTruncated":false}\n'],
    ["an event that is not known here", lines({ type: "dreamt", text: "of sheep" })],
    ["something else", "\u0000\n[1]\nnull\n"],
  ])("shows that something is missing where it has %s", async (_, text) => {
    const transcript = await readTranscript(inPieces(`${lines(PROMPT)}\n${text}${lines(ANSWER)}`, 16));

    expect(transcript).toEqual([
      { role: "user", text: "größer 🙂" },
      { role: "left_out" },
      { role: "agent", text: "Done." },
    ]);
  });

  it("shows it where its last line has no end", async () => {
    const transcript = await readTranscript(inPieces(lines(PROMPT) + JSON.stringify(ANSWER).slice(0, 20), 16));

    expect(transcript.at(-1)).toEqual({ role: "left_out" });
  });

  it("is empty where nothing was said", async () => {
    expect(await readTranscript(inPieces("\n\n", 1))).toEqual([]);
  });
});
