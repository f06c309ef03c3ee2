import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import * as z from "zod";

import { FakeAgent } from "./fake-agent.ts";
import { publicId } from "./fake-ids.ts";
import { CreateAgentSchema, InputSchema, Refusal, ResolveSchema, routeOf } from "./fake-requests.ts";
import type { Route } from "./fake-requests.ts";

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
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  private constructor(key: string) {
    this.#key = key;
  }

  /** Listens on a free port of the loopback address, and takes this key. */
  static async start(key: string): Promise<OmnaraFake> {
    const fake = new OmnaraFake(key);
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v1`;
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

  /** Answers the next requests of an operation so, one after the other. */
  fail(operation: string, ...statuses: readonly (number | "hang" | "reset")[]): void {
    this.faults.push(...statuses.map((status) => ({ operation, status })));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
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

/** A request as it came. */
export interface FakeRequest {
  readonly operation: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  readonly body: unknown;
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

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
