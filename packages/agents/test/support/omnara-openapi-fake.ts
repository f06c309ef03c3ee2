import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

import { listen } from "@signalbox/testkit";
import type { Listening } from "@signalbox/testkit";
import * as z from "zod";

/**
 * A FAKE of Omnara's HTTP API, made by hand from its published OpenAPI document (omnara-ai/omnara,
 * docs/api-reference/openapi.yaml, "Omnara API" 0.1.0, as of 2026-08-21) and its guides. It is no Omnara and proves nothing
 * about one: it holds this side to the paths, requests and answers that are published, and refuses everything else.
 */
export class OmnaraFake implements AsyncDisposable {
  readonly agents = new Map<string, FakeAgent>();
  /** Every request, in order, with its headers as they came. */
  readonly requests: FakeRequest[] = [];
  /** What the next requests of an operation are answered instead; `hang` is no answer. */
  readonly faults: { operation: string; status: number | "hang" | "reset"; body?: string; isDone?: boolean }[] = [];
  /** What an agent does with an input that begins a turn. */
  onTurn: (agent: FakeAgent, text: string) => void | Promise<void> = () => undefined;
  /** Whether a new input waits in the queue until `admit`. */
  isBusy = false;
  readonly #key: string;
  readonly #byKey = new Map<string, FakeAgent>();
  #listening: Listening | undefined;

  constructor(key: string) {
    this.#key = key;
  }

  static async start(key: string): Promise<OmnaraFake> {
    const fake = new OmnaraFake(key);
    fake.#listening = await listen(createServer((request, response) => void fake.#serve(request, response)));
    return fake;
  }

  get baseUrl(): string {
    return `${this.#listening?.url ?? ""}/api/v1`;
  }

  /** The only agent, where there is one. */
  get agent(): FakeAgent {
    const [agent, ...others] = this.agents.values();
    if (!agent || others.length > 0) throw new Error(`there are ${this.agents.size} agents`);
    return agent;
  }

  /** The operations that were asked for, without the streams. */
  get operations(): string[] {
    return this.requests.map(({ operation }) => operation).filter((operation) => operation !== "streamEvents");
  }

  fail(operation: string, ...statuses: readonly (number | "hang" | "reset")[]): void {
    this.faults.push(...statuses.map((status) => ({ operation, status })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening?.[Symbol.asyncDispose]();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://fake");
    const text = await bodyOf(request);
    const route = routeOf(request.method ?? "", url.pathname);
    this.requests.push({
      operation: route?.operation ?? "unknown",
      path: `${url.pathname}${url.search}`,
      headers: { ...request.headers },
      body: text === "" ? undefined : JSON.parse(text),
    });
    const fault = this.faults.find((each) => !each.isDone && each.operation === route?.operation);
    if (fault) return inject(fault, response);
    if (request.headers.authorization !== `Bearer ${this.#key}`) return refuse(response, 401, "unauthorized");
    if (!route) return refuse(response, 404, "not_found");
    try {
      this.#answer(route, { request, response, url, body: text === "" ? undefined : (JSON.parse(text) as unknown) });
    } catch (error) {
      if (error instanceof Refusal) return refuse(response, error.status, error.code);
      return refuse(response, 400, "invalid_request", String(error));
    }
  }

  #answer({ operation, ids }: Route, call: Call): void {
    if (operation === "createAgent") return this.#create(call);
    const agent = this.agents.get(ids[2] ?? "");
    if (!agent) throw new Refusal(404, "not_found");
    switch (operation) {
      case "getAgent":
        return send(call.response, 200, { agent: agent.view, machine_ids: [], mcp_connections: [] });
      case "archiveAgent":
        agent.archive();
        return send(call.response, 200, { agent: agent.view });
      case "createAgentInput":
        return this.#input(agent, call);
      case "cancelQueuedBacklogInput":
        if (!agent.withdraw(ids[3] ?? "")) throw new Refusal(409, "conflict");
        return send(call.response, 200, { ok: true });
      case "cancelAgent": {
        z.strictObject({}).optional().parse(call.body);
        const event = agent.cancel();
        return send(call.response, 200, { event, runtime_cancel_requested: event !== null, affected: event !== null });
      }
      case "listEvents":
        return send(call.response, 200, {
          data: agent.events.slice(-1),
          next_after_sequence: agent.events.length,
          has_more: false,
        });
      case "streamEvents":
        return agent.stream(call.response, Number(call.request.headers["last-event-id"] ?? 0));
      case "listAgentInteractions":
        return send(call.response, 200, {
          data: agent.interactions.filter(({ state }) => state === call.url.searchParams.get("state")),
          next_cursor: null,
        });
      case "resolveAgentInteraction":
        return send(call.response, 200, agent.resolve(ids[3] ?? "", ResolveSchema.parse(call.body).answers));
      default:
        throw new Refusal(404, "not_found");
    }
  }

  #create({ request, response, body }: Call): void {
    const { name } = CreateAgentSchema.parse(body);
    const key = String(request.headers["idempotency-key"]);
    const known = this.#byKey.get(key);
    if (known) return send(response, 200, { agent: known.view });
    const agent = new FakeAgent(publicId("agt"), name);
    this.agents.set(agent.id, agent);
    this.#byKey.set(key, agent);
    send(response, 201, { agent: agent.view, agent_config: {}, machine_bindings: [] });
  }

  #input(agent: FakeAgent, { request, response, body }: Call): void {
    const given = InputSchema.parse(body);
    if (given.cancel_open_interactions && given.delivery_mode !== "steering") throw new Refusal(400, "invalid_request");
    if (agent.state === "archived") throw new Refusal(409, "state_transition_conflict");
    const key = String(request.headers["idempotency-key"]);
    const { input, isNew } = agent.receive(given.content_blocks.map(({ text }) => text).join("\n"), key, given);
    send(response, isNew ? 201 : 200, { agent_input: agent.inputView(input) });
    if (isNew && !this.isBusy) this.admit(agent);
  }

  /** Begins with what waits. */
  admit(agent: FakeAgent): void {
    for (const text of agent.admit()) void this.onTurn(agent, text);
  }
}

export interface FakeRequest {
  readonly operation: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

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

  /** What its streams have not taken. */
  get backlogBytes(): number {
    return [...this.#streams].reduce((bytes, stream) => bytes + stream.writableLength, 0);
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

  /** Cuts the streams, in the middle of whatever they say. */
  cut(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  #cancelInteractions(): void {
    for (const each of this.interactions) if (each.state === "open") each.state = "canceled";
  }
}

export const ORG = `org_${"a".repeat(26)}`;
export const PROJECT = `proj_${"b".repeat(26)}`;
export const CONFIG = `acfg_${"c".repeat(26)}`;

let made = 0;

/** A prefix and 26 characters of a to z and 2 to 7. */
function publicId(prefix: string): string {
  const letters = (++made)
    .toString(26)
    .replaceAll(/./g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 26)));
  return `${prefix}_${letters.padStart(26, "a")}`;
}

// Requests have no other fields than these: `additionalProperties: false` stands at each of them.
const CreateAgentSchema = z.strictObject({
  config: z.string().regex(/^acfg_[a-z2-7]{26}$/),
  profile: z
    .string()
    .regex(/^aprf_[a-z2-7]{26}$/)
    .optional(),
  name: z.string(),
  message: z.string().optional(),
});
const InputSchema = z.strictObject({
  content_blocks: z.array(z.strictObject({ type: z.literal("text"), text: z.string() })),
  delivery_mode: z.enum(["queued", "steering"]).optional(),
  cancel_open_interactions: z.boolean().optional(),
});
const ResolveSchema = z.strictObject({
  answers: z
    .array(z.strictObject({ option_indices: z.array(z.int().min(0)).min(1), text: z.string().optional() }))
    .min(1),
});

interface Route {
  readonly operation: string;
  readonly ids: readonly string[];
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly body: unknown;
}

const AGENTS = "/api/v1/orgs/(org_[a-z2-7]{26})/projects/(proj_[a-z2-7]{26})/agents";
const AGENT = `${AGENTS}/(agt_[a-z2-7]{26})`;
const ROUTES: readonly [string, string, string][] = [
  ["POST", AGENTS, "createAgent"],
  ["GET", AGENT, "getAgent"],
  ["POST", `${AGENT}/archive`, "archiveAgent"],
  ["POST", `${AGENT}/inputs`, "createAgentInput"],
  ["POST", `${AGENT}/inputs/(ain_[a-z2-7]{26})/cancel`, "cancelQueuedBacklogInput"],
  ["POST", `${AGENT}/cancel`, "cancelAgent"],
  ["GET", `${AGENT}/events`, "listEvents"],
  ["GET", `${AGENT}/events/stream`, "streamEvents"],
  ["GET", `${AGENT}/interactions`, "listAgentInteractions"],
  ["POST", `${AGENT}/interactions/(int_[a-z2-7]{26})/resolve`, "resolveAgentInteraction"],
];

function routeOf(method: string, path: string): Route | undefined {
  for (const [verb, pattern, operation] of ROUTES) {
    const match = verb === method ? new RegExp(`^${pattern}$`).exec(path) : null;
    if (match) return { operation, ids: match.slice(1) };
  }
  return undefined;
}

class Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

function inject(fault: OmnaraFake["faults"][number], response: ServerResponse): void {
  fault.isDone = true;
  if (fault.status === "hang") return;
  if (fault.status === "reset") return void response.destroy();
  if (fault.body !== undefined) return void response.writeHead(fault.status).end(fault.body);
  const codes: Readonly<Record<number, string>> = { 401: "unauthorized", 403: "forbidden", 429: "rate_limited" };
  refuse(response, fault.status, codes[fault.status] ?? "service_unavailable");
}

function refuse(response: ServerResponse, status: number, code: string, error = `refused: ${code}`): void {
  send(response, status, { error, code });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function write(stream: ServerResponse, name: string, data: unknown, id?: number): void {
  stream.write(`${id === undefined ? "" : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
