import type * as z from "zod";

import {
  AgentEnvelopeSchema,
  CancelResponseSchema,
  EventPageSchema,
  InputEnvelopeSchema,
  InteractionPageSchema,
} from "./omnara-frames.ts";
import type { OmnaraInteraction } from "./omnara-frames.ts";
import { OmnaraCallError } from "./omnara-failure.ts";
import type { OmnaraCall, OmnaraHttp } from "./omnara-http.ts";
import type { OmnaraOptions } from "./omnara-options.ts";

/** An agent at Omnara. */
export interface OmnaraAgent {
  readonly id: string;
  readonly isArchived: boolean;
  readonly model: string | undefined;
}

/** The answers to an interaction, one for each question of its form, by places in its options. */
export type OmnaraAnswers = readonly { readonly option_indices: readonly number[]; readonly text?: string }[];

/** The operations of Omnara's published API that a session needs, in the project of its options. */
export class OmnaraClient {
  readonly #http: OmnaraHttp;
  readonly #options: OmnaraOptions;
  readonly #project: string;

  constructor(http: OmnaraHttp, options: OmnaraOptions) {
    this.#http = http;
    this.#options = options;
    this.#project = `/orgs/${options.org}/projects/${options.project}`;
  }

  async createAgent(name: string, idempotencyKey: string, signal?: AbortSignal): Promise<OmnaraAgent> {
    const { config, profile } = this.#options;
    const body = { config, name, ...(profile === undefined ? {} : { profile }) };
    const call = { operation: "createAgent", method: "POST", path: `${this.#project}/agents` } as const;
    return agentOf(await this.#read(AgentEnvelopeSchema, { ...call, body, idempotencyKey, signal }));
  }

  async getAgent(id: string, signal?: AbortSignal): Promise<OmnaraAgent> {
    const call = { operation: "getAgent", method: "GET", path: this.#of(id) } as const;
    return agentOf(await this.#read(AgentEnvelopeSchema, { ...call, signal }));
  }

  /** Gives the agent up, with its machines from pools. It stays readable. */
  async archiveAgent(id: string): Promise<void> {
    await this.#http.call({ operation: "archiveAgent", method: "POST", path: `${this.#of(id)}/archive` });
  }

  /** Says something. Answers the input's id. */
  async createInput(
    id: string,
    text: string,
    { key, isSteering = false, cancelsInteractions = false }: InputSettings,
  ): Promise<string> {
    const body = {
      content_blocks: [{ type: "text", text }],
      delivery_mode: isSteering ? "steering" : "queued",
      ...(cancelsInteractions ? { cancel_open_interactions: true } : {}),
    };
    const call = { operation: "createAgentInput", method: "POST", path: `${this.#of(id)}/inputs` } as const;
    const { agent_input: input } = await this.#read(InputEnvelopeSchema, { ...call, body, idempotencyKey: key });
    return input.id;
  }

  /** Takes an input back that the agent has not begun with. False: it has. */
  async withdrawInput(id: string, inputId: string): Promise<boolean> {
    const path = `${this.#of(id)}/inputs/${encodeURIComponent(inputId)}/cancel`;
    try {
      await this.#http.call({ operation: "cancelQueuedBacklogInput", method: "POST", path });
      return true;
    } catch (error) {
      if (error instanceof OmnaraCallError && (error.status === 409 || error.status === 404)) return false;
      throw error;
    }
  }

  /** Stops what the agent does. False: it did nothing. */
  async cancelAgent(id: string, signal?: AbortSignal): Promise<boolean> {
    const call = { operation: "cancelAgent", method: "POST", path: `${this.#of(id)}/cancel` } as const;
    const { affected } = await this.#read(CancelResponseSchema, { ...call, body: {}, signal });
    return affected;
  }

  /** The number of the last event that there is; 0 where there is none. */
  async lastSequence(id: string, signal?: AbortSignal): Promise<number> {
    const path = `${this.#of(id)}/events?before_sequence=0&limit=1`;
    const { data } = await this.#read(EventPageSchema, { operation: "listEvents", method: "GET", path, signal });
    return data.at(-1)?.sequence ?? 0;
  }

  /** Everything that the agent waits for, oldest first. */
  async openInteractions(id: string): Promise<OmnaraInteraction[]> {
    const found: OmnaraInteraction[] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const path = `${this.#of(id)}/interactions?state=open${after}`;
      const call = { operation: "listAgentInteractions", method: "GET", path } as const;
      const page: z.infer<typeof InteractionPageSchema> = await this.#read(InteractionPageSchema, call);
      found.push(...page.data);
      cursor = found.length < MOST_INTERACTIONS && page.data.length > 0 ? page.next_cursor : null;
    }
    return found;
  }

  async resolveInteraction(id: string, interactionId: string, answers: OmnaraAnswers): Promise<void> {
    const path = `${this.#of(id)}/interactions/${encodeURIComponent(interactionId)}/resolve`;
    await this.#http.call({ operation: "resolveAgentInteraction", method: "POST", path, body: { answers } });
  }

  /** The event stream, from the event after `lastEventId` on, with previews of what the model says. */
  streamEvents(id: string, lastEventId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const path = `${this.#of(id)}/events/stream?stream_deltas=true&after_sequence=${lastEventId}`;
    return this.#http.stream({ operation: "streamEvents", method: "GET", path, signal }, lastEventId);
  }

  #of(id: string): string {
    return `${this.#project}/agents/${encodeURIComponent(id)}`;
  }

  async #read<Schema extends z.ZodType>(schema: Schema, call: OmnaraCall): Promise<z.output<Schema>> {
    const read = schema.safeParse(await this.#http.call(call));
    if (read.success) return read.data;
    const message = "the answer is not what the published API says";
    throw new OmnaraCallError({ operation: call.operation, status: 200, code: undefined, message, isTimeout: false });
  }
}

/** How something is said. */
export interface InputSettings {
  /** Makes a repeated call one input, and tells its event from others. */
  readonly key: string;
  /** Into the turn that goes on. Default: a turn of its own. */
  readonly isSteering?: boolean;
  /** With `isSteering`: what the agent waits for is withdrawn. */
  readonly cancelsInteractions?: boolean;
}

/** More than anybody could be asked at once. */
const MOST_INTERACTIONS = 1_000;

function agentOf({ agent }: z.infer<typeof AgentEnvelopeSchema>): OmnaraAgent {
  return { id: agent.id, isArchived: agent.state === "archived", model: agent.model?.name };
}
