import { randomUUID } from "node:crypto";
import type * as z from "zod";

import type { AgentStartSpec } from "../agent-session.ts";
import type { Timer } from "../clock.ts";
import type { AgentDriver, DriverPort, OpenedSession } from "../session/agent-driver.ts";
import type { Opening } from "../session/agent-protocol.ts";
import type { CheckedAnswer } from "../session/check-answer.ts";
import type { News, TurnStatus } from "../session/news.ts";
import type { AgentFailure } from "../agent-event.ts";
import { toError } from "../to-error.ts";
import { withoutUndefined } from "../without-undefined.ts";
import type { OmnaraAgent, OmnaraClient } from "./omnara-client.ts";
import { failureOfCall, failureOfStopReason } from "./omnara-failure.ts";
import { answersFor } from "./omnara-forms.ts";
import {
  DeltaSchema,
  InputEventSchema,
  ModelOutputSchema,
  StreamFrameSchema,
  ToolCallUpdateSchema,
  ToolResultSchema,
} from "./omnara-frames.ts";
import type { OmnaraInputEvent, OmnaraModelOutput } from "./omnara-frames.ts";
import { OmnaraDesk } from "./omnara-desk.ts";
import { CONNECTED } from "./omnara-link.ts";
import type { OmnaraLink } from "./omnara-link.ts";
import { OmnaraAgentIdSchema } from "./omnara-options.ts";
import { OmnaraPreview } from "./omnara-preview.ts";
import { toolEnd } from "./omnara-tools.ts";

/** What a driver of Omnara works with, beside its port. */
export interface OmnaraDriverParts {
  readonly client: OmnaraClient;
  readonly link: OmnaraLink;
  readonly spec: AgentStartSpec;
  readonly opening: Opening;
}

interface Turn {
  /** Of the input that began it; undefined when somebody else said it. */
  readonly key: string | undefined;
  inputId?: string;
  /** Omnara's name for it, once it has begun there. */
  turnId?: string;
}

/** Speaks with one agent at Omnara: tells it things by calls, and hears what it does from the event stream. */
export class OmnaraDriver implements AgentDriver {
  readonly #port: DriverPort;
  readonly #parts: OmnaraDriverParts;
  readonly #preview: OmnaraPreview;
  readonly #desk: OmnaraDesk;
  /** Inputs of ours, by their keys: what they do is known without their events. */
  readonly #said = new Set<string>();
  readonly #openTools = new Set<string>();
  #agentId = "";
  #isOpen = false;
  #turn: Turn | undefined;
  #sending: Promise<void> = Promise.resolve();
  #looking: Timer | undefined;
  #hasEnded = false;

  constructor(port: DriverPort, parts: OmnaraDriverParts) {
    this.#port = port;
    this.#parts = parts;
    this.#preview = new OmnaraPreview(port.limits["message.length"]);
    this.#desk = new OmnaraDesk({
      list: () => parts.client.openInteractions(this.#agentId),
      tell: (news) => this.#tell(news),
      complain: (words) => parts.link.complain(words),
    });
  }

  get isWorking(): boolean {
    return this.#turn !== undefined;
  }

  async open(): Promise<OpenedSession> {
    const { load } = this.#parts.opening;
    try {
      const agent = await (load === undefined ? this.#launch() : this.#load(load));
      this.#agentId = agent.id;
      const { client, link } = this.#parts;
      const after = load === undefined ? 0 : await client.lastSequence(agent.id);
      await link.follow((last, signal) => client.streamEvents(agent.id, last, signal), String(after));
      this.#isOpen = true;
      return { nativeSessionId: agent.id, model: agent.model };
    } catch (error) {
      // Its own words are those of the start; the code is the start's.
      throw new Error(toError(error).message, { cause: error });
    }
  }

  receive(frame: unknown): void {
    const { event, data } = StreamFrameSchema.parse(frame);
    switch (event) {
      case CONNECTED:
        return this.#look();
      case "agent_input":
        return this.#takeInput(InputEventSchema.parse(data));
      case "model_output":
        return this.#takeOutput(ModelOutputSchema.parse(data), data);
      case "tool_result":
        return this.#takeResult(data);
      case "tool_call_update":
        return this.#takeUpdate(ToolCallUpdateSchema.parse(data));
      case "model_output_delta": {
        const delta = DeltaSchema.parse(data);
        return this.#isOurs(delta.turn_id) ? this.#tell(this.#preview.take(delta)) : undefined;
      }
      default:
        return this.#tell([{ news: "raw", frame: data }]);
    }
  }

  async prompt(text: string): Promise<void> {
    const turn: Turn = { key: this.#newKey() };
    this.#turn = turn;
    this.#lookLater();
    const sending = this.#send(text, { key: turn.key ?? "" }).then((inputId) => void (turn.inputId = inputId));
    this.#sending = sending.catch(() => undefined);
    try {
      await sending;
    } catch (error) {
      if (this.#turn === turn) this.#endTurn("failed", failureOfCall(error));
    }
  }

  async steer(text: string): Promise<void> {
    await this.#send(text, { key: this.#newKey(), isSteering: true });
  }

  /** An input that has not begun is taken back; else the work is stopped, and what it waits for with it. */
  async interrupt(): Promise<void> {
    const turn = this.#turn;
    await this.#sending;
    if (!turn || this.#turn !== turn) return;
    const { client } = this.#parts;
    const isWithdrawn =
      turn.turnId === undefined &&
      turn.inputId !== undefined &&
      (await client.withdrawInput(this.#agentId, turn.inputId));
    const isStopped = isWithdrawn || (await client.cancelAgent(this.#agentId));
    if (isStopped && this.#turn === turn) this.#endTurn("cancelled");
  }

  /** What is cancelled is cancelled by the end of its turn. A question cannot be declined, but withdrawn. */
  async answer(key: string, answer: CheckedAnswer): Promise<void> {
    if (answer.kind === "cancel") return;
    const interaction = this.#desk.take(key);
    if (!interaction) return;
    const answers = answersFor(interaction, answer);
    try {
      await (answers
        ? this.#parts.client.resolveInteraction(this.#agentId, key, answers)
        : this.#decline(answer.kind === "decline" ? answer.reason : undefined));
    } catch (error) {
      // What is still open there is asked again.
      this.#desk.putBack(key);
      this.#look();
      throw error;
    }
  }

  ended(): void {
    this.#hasEnded = true;
    this.#looking?.cancel();
  }

  async retire(): Promise<void> {
    if (this.#agentId !== "") await this.#parts.client.archiveAgent(this.#agentId);
  }

  /** Stops what the agent does until somebody speaks to it again. One that nobody spoke to, and nobody will, is given up. */
  async stopWork(): Promise<void> {
    const { client, opening } = this.#parts;
    if (!this.#isOpen && opening.load === undefined) return this.retire();
    if (this.#agentId !== "") await client.cancelAgent(this.#agentId);
  }

  #launch(): Promise<OmnaraAgent> {
    const { client, spec, opening } = this.#parts;
    return client.createAgent(`Signalbox ${spec.sessionId}`, `signalbox-${opening.newId}`, spec.signal);
  }

  /** It may still be at what it was told before its runner was lost: that turn is over here, so it is stopped there. */
  async #load(id: string): Promise<OmnaraAgent> {
    if (!OmnaraAgentIdSchema.safeParse(id).success) throw new Error(`${JSON.stringify(id)} is no agent of Omnara's`);
    const { client, spec } = this.#parts;
    const agent = await client.getAgent(id, spec.signal);
    if (agent.isArchived) throw new Error(`the agent ${id} is archived`);
    await client.cancelAgent(id, spec.signal);
    return agent;
  }

  #newKey(): string {
    const key = `signalbox-${randomUUID()}`;
    this.#said.add(key);
    return key;
  }

  #send(
    text: string,
    settings: { readonly key: string; readonly isSteering?: boolean; readonly cancelsInteractions?: boolean },
  ): Promise<string> {
    return this.#parts.client.createInput(this.#agentId, text, settings);
  }

  async #decline(reason: string | undefined): Promise<void> {
    const words = reason === undefined || reason === "" ? "" : ` Their reason: ${reason}`;
    await this.#send(`The user declined to answer your question.${words}`, {
      key: this.#newKey(),
      isSteering: true,
      cancelsInteractions: true,
    });
  }

  #takeInput(event: OmnaraInputEvent): void {
    const { input_kind: kind, turn_id: turnId, input_idempotency_key: key, interaction_id: interactionId } = event;
    const isTheirs = key === undefined || !this.#said.has(key);
    if (key !== undefined) this.#said.delete(key);
    const turn = this.#turn;
    if (
      turn &&
      turn.turnId === undefined &&
      ((turn.key !== undefined && turn.key === key) || turn.inputId === event.agent_input_id)
    ) {
      turn.turnId = turnId;
      return;
    }
    if (kind === "control") return this.#isOurs(turnId) ? this.#endTurn("cancelled") : undefined;
    if (interactionId !== undefined) this.#desk.settle(interactionId);
    if (!turn && kind === "content" && event.is_opening_event) return this.#beginTurn(turnId);
    if (isTheirs && kind !== "interaction_response") this.#tell([{ news: "raw", frame: event }]);
  }

  /** Somebody else spoke to the agent. */
  #beginTurn(turnId: string): void {
    this.#turn = { key: undefined, turnId };
    this.#tell([{ news: "turn_began" }]);
    this.#lookLater();
  }

  #takeOutput(output: OmnaraModelOutput, frame: unknown): void {
    if (!this.#isOurs(output.turn_id)) return this.#tell([{ news: "raw", frame }]);
    for (const block of output.content_blocks) if (block.type === "tool_call") this.#openTools.add(block.tool_call_id);
    this.#tell(this.#preview.finish(output));
    if (output.stop_reason === "tool_use") return;
    const words = output.content_blocks.flatMap((block) => (block.type === "error" ? [block.text] : []));
    const failure = failureOfStopReason(output.stop_reason, words.join("\n"));
    this.#endTurn(failure ? "failed" : "completed", failure);
  }

  #takeResult(frame: unknown): void {
    const result = ToolResultSchema.parse(frame);
    this.#openTools.delete(result.tool_call_id);
    this.#tell(this.#isOurs(result.turn_id) ? [toolEnd(result)] : [{ news: "raw", frame }]);
  }

  /** Omnara announces what it waits for only so, and not reliably. */
  #takeUpdate({ state }: z.infer<typeof ToolCallUpdateSchema>): void {
    if (state === "awaiting_permission" || state === "waiting") this.#look();
  }

  #isOurs(turnId: string): boolean {
    return this.#turn?.turnId === turnId;
  }

  #endTurn(status: TurnStatus, error?: AgentFailure): void {
    if (this.#turn?.key !== undefined) this.#said.delete(this.#turn.key);
    this.#turn = undefined;
    this.#openTools.clear();
    this.#looking?.cancel();
    this.#desk.clear();
    this.#tell([{ news: "turn_ended", status, ...withoutUndefined({ error }) }]);
  }

  #look(): void {
    if (this.#turn && !this.#hasEnded) void this.#desk.look();
  }

  /** While a tool is open the agent may wait for somebody, whether that was announced or not. */
  #lookLater(): void {
    this.#looking?.cancel();
    this.#looking = this.#port.clock.setTimer(this.#port.limits["remote.lookMs"], () => {
      if (!this.#turn || this.#hasEnded) return;
      if (this.#openTools.size > 0) this.#look();
      this.#lookLater();
    });
  }

  #tell(news: readonly News[]): void {
    if (!this.#hasEnded && news.length > 0) this.#port.tell(news);
  }
}
