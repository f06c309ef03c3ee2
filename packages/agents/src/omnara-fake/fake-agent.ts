import type { ServerResponse } from "node:http";

import type * as z from "zod";

import { ORG, PROJECT, publicId } from "./fake-ids.ts";
import { Refusal } from "./fake-requests.ts";
import type { InputSchema } from "./fake-requests.ts";

interface Input {
  readonly id: string;
  readonly key: string;
  readonly text: string;
  readonly mode: "queued" | "steering";
}

interface Interaction {
  readonly id: string;
  state: "open" | "resolved" | "canceled";
  readonly request: unknown;
  answers?: unknown;
  readonly [field: string]: unknown;
}

/** One agent of the fake, played by a test. */
export class FakeAgent {
  readonly id: string;
  readonly events: { readonly sequence: number; readonly [field: string]: unknown }[] = [];
  readonly interactions: Interaction[] = [];
  state: "active" | "archived" = "active";
  /** Whether what it waits for is announced on the stream. */
  isAnnouncing = true;
  turnId: string | undefined;
  readonly #name: string;
  readonly #streams = new Set<ServerResponse>();
  readonly #inputs: Input[] = [];
  #waiting: Input[] = [];
  #turns = 0;
  #contextId = publicId("mcc");
  #seq = 0;

  constructor(id: string, name: string) {
    this.id = id;
    this.#name = name;
  }

  get view(): unknown {
    const at = "2026-08-21T00:00:00Z";
    const ids = { id: this.id, org_id: ORG, project_id: PROJECT };
    const model = { provider_config: "default", name: "fake-model" };
    return { ...ids, state: this.state, name: this.#name, model, created_at: at, updated_at: at };
  }

  get streams(): number {
    return this.#streams.size;
  }

  inputView({ id, text, mode }: Input): unknown {
    const content_blocks = [{ type: "text", text }];
    const known = { id, agent_id: this.id, state: "received", delivery_mode: mode, input_kind: "content" };
    return { ...known, content_blocks, queued_at: "2026-08-21T00:00:00Z" };
  }

  receive(text: string, key: string, settings: z.infer<typeof InputSchema>): { input: Input; isNew: boolean } {
    const known = this.#inputs.find((input) => input.key === key);
    if (known) return { input: known, isNew: false };
    const input = { id: publicId("ain"), key, text, mode: settings.delivery_mode ?? "queued" };
    this.#inputs.push(input);
    this.#waiting.push(input);
    if (settings.cancel_open_interactions) this.#cancelInteractions();
    return { input, isNew: true };
  }

  withdraw(inputId: string): boolean {
    const isWaiting = this.#waiting.some(({ id }) => id === inputId);
    this.#waiting = this.#waiting.filter(({ id }) => id !== inputId);
    return isWaiting;
  }

  /** Takes what waits into the timeline; answers what began a turn. */
  admit(): string[] {
    const began: string[] = [];
    for (const input of this.#waiting.filter(({ mode }) => mode === "steering" || this.turnId === undefined)) {
      this.#waiting = this.#waiting.filter((each) => each !== input);
      const isOpening = this.turnId === undefined;
      if (isOpening) this.begin();
      this.event("agent_input", {
        is_opening_event: isOpening,
        agent_input_id: input.id,
        input_kind: "content",
        input_idempotency_key: input.key,
        content_blocks: [{ type: "text", text: input.text }],
      });
      if (isOpening) began.push(input.text);
    }
    return began;
  }

  begin(): void {
    this.turnId = publicId("trn");
    this.#turns++;
  }

  /** Somebody speaks to it at Omnara itself. */
  spokenTo(text: string): void {
    this.begin();
    const content_blocks = [{ type: "text", text }];
    const input = { is_opening_event: true, agent_input_id: publicId("ain"), input_kind: "content", content_blocks };
    this.event("agent_input", input);
  }

  /** Previews words, as they come from the model. */
  preview(...pieces: readonly string[]): void {
    for (const delta of pieces) this.delta({ kind: "text_delta", block_index: 0, delta });
  }

  delta(event: unknown, { skips = 0 }: { readonly skips?: number } = {}): void {
    this.#seq += 1 + skips;
    const numbers = { seq: this.#seq, source_seq_start: this.#seq, source_seq_end: this.#seq, coalesced_count: 1 };
    const frame = { turn_id: this.turnId, model_call_context_id: this.#contextId, ...numbers, event };
    this.send("model_output_delta", frame);
  }

  /** Says something to the end, and with it ends the turn, unless it goes on with tools. */
  say(text: string, stop = "end_turn"): void {
    this.output(stop, text === "" ? [] : [{ type: "text", text }]);
  }

  call(name: string, input: Readonly<Record<string, unknown>>, before = ""): string {
    const toolCallId = publicId("tcl");
    this.output("tool_use", [
      ...(before === "" ? [] : [{ type: "text", text: before }]),
      { type: "tool_call", tool_call_id: toolCallId, tool_type: "built_in", name, input },
    ]);
    return toolCallId;
  }

  output(stop: string, content_blocks: readonly unknown[]): void {
    const context = { model_call_context_id: this.#contextId, stop_reason: stop, content_blocks };
    this.#contextId = publicId("mcc");
    this.#seq = 0;
    this.event("model_output", context);
    if (stop !== "tool_use") this.turnId = undefined;
  }

  result(toolCallId: string, outcome: string, text: string): void {
    this.event("tool_result", { tool_call_id: toolCallId, outcome, content_blocks: [{ type: "text", text }] });
  }

  /** Opens an interaction. */
  ask(kind: "permission" | "question", request: unknown): Interaction {
    const ids = { id: publicId("int"), org_id: ORG, project_id: PROJECT, agent_id: this.id };
    const interaction: Interaction = {
      ...ids,
      interaction_kind: kind,
      state: "open",
      request,
      created_at: "2026-08-21T00:00:00Z",
    };
    this.interactions.push(interaction);
    const state = kind === "permission" ? "awaiting_permission" : "waiting";
    if (this.isAnnouncing) this.send("tool_call_update", { tool_call_id: publicId("tcl"), state });
    return interaction;
  }

  resolve(id: string, answers: unknown): Interaction {
    const interaction = this.interactions.find((each) => each.id === id);
    if (!interaction) throw new Refusal(404, "not_found");
    const isSame = JSON.stringify(interaction.answers) === JSON.stringify(answers);
    if (interaction.state === "canceled" || (interaction.state === "resolved" && !isSame)) {
      throw new Refusal(409, "idempotency_key_conflict");
    }
    interaction.state = "resolved";
    interaction.answers = answers;
    return interaction;
  }

  cancel(): unknown {
    if (this.turnId === undefined) return null;
    this.#cancelInteractions();
    const input = { is_opening_event: false, agent_input_id: publicId("ain"), input_kind: "control" };
    const event = this.event("agent_input", { ...input, control_type: "cancel_current", content_blocks: [] });
    this.turnId = undefined;
    return event;
  }

  archive(): void {
    this.cancel();
    this.state = "archived";
  }

  /** Appends to the timeline. */
  event(kind: string, fields: Readonly<Record<string, unknown>>): unknown {
    const sequence = this.events.length + 1;
    const ids = { id: publicId("evt"), org_id: ORG, project_id: PROJECT, agent_id: this.id, turn_id: this.turnId };
    const order = { turn_sequence: Math.max(this.#turns, 1), is_opening_event: false, sequence, event_kind: kind };
    const event = { ...ids, ...order, ...fields, created_at: "2026-08-21T00:00:00Z" };
    this.events.push(event);
    this.send(kind, event, sequence);
    return event;
  }

  stream(response: ServerResponse, after: number): void {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(": ok\n\n");
    for (const event of this.events.slice(after)) write(response, String(event["event_kind"]), event, event.sequence);
    this.#streams.add(response);
    response.once("close", () => this.#streams.delete(response));
  }

  send(name: string, data: unknown, id?: number): void {
    for (const stream of this.#streams) write(stream, name, data, id);
  }

  /** Writes to the streams what is no frame of Omnara's. */
  write(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }

  /** Says something over and over, each time when the stream has taken the last. Answers how often it could, as it goes on. */
  flood(text: string, times: number): { readonly said: number } {
    const flood = { said: 0 };
    const frame = `event: flood\ndata: ${JSON.stringify(text)}\n\n`;
    const [stream] = this.#streams;
    const more = (): void => {
      if (++flood.said < times) stream?.write(frame, more);
    };
    stream?.write(frame, more);
    return flood;
  }

  /** Cuts the streams, in the middle of whatever they say. */
  cut(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  #cancelInteractions(): void {
    for (const each of this.interactions) if (each.state === "open") each.state = "canceled";
  }
}

function write(stream: ServerResponse, name: string, data: unknown, id?: number): void {
  stream.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}
