import * as z from "zod";

import { within } from "../clock.ts";
import { AgentError } from "../errors.ts";
import type { AgentDriver, DriverPort, OpenedSession } from "../session/agent-driver.ts";
import type { Opening } from "../session/agent-protocol.ts";
import type { CheckedAnswer } from "../session/check-answer.ts";
import type { News, UsageNews } from "../session/news.ts";
import {
  CanUseToolSchema,
  ControlCancelSchema,
  ControlRequestSchema,
  ControlResponseSchema,
  SystemFrameSchema,
  UsageAnswerSchema,
} from "./claude-frames.ts";
import { readClaudeRequest } from "./claude-requests.ts";
import type { ClaudeRequest } from "./claude-requests.ts";
import { claudeUsage, usedSince } from "./claude-usage.ts";
import { translateClaude } from "./translate-claude.ts";

/** Speaks to one `claude -p` over its stream-json control protocol. */
export class ClaudeDriver implements AgentDriver {
  readonly #port: DriverPort;
  readonly #opening: Opening;
  readonly #sessionId: string;
  readonly #asked = new Map<string, ClaudeRequest>();
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown>>();
  #count = 0;
  /** What the conversation had used before this process. */
  #usedBefore: UsageNews["usage"] = {};
  /** Whether an answer about that is awaited, or none will come. */
  #isCounting = false;

  constructor(port: DriverPort, opening: Opening) {
    this.#port = port;
    this.#opening = opening;
    this.#sessionId = opening.load ?? opening.newId;
  }

  async open(): Promise<OpenedSession> {
    await this.#call({ subtype: "initialize", hooks: null });
    if (this.#opening.load !== undefined) await this.#readUsedBefore();
    return { nativeSessionId: this.#sessionId };
  }

  async receive(frame: unknown): Promise<void> {
    const read = FrameSchema.parse(frame);
    switch (read.type) {
      case "control_request":
        return this.#takeRequest(read);
      case "control_response":
        return this.#takeResponse(read);
      case "control_cancel_request": {
        const { request_id: key } = ControlCancelSchema.parse(read);
        this.#asked.delete(key);
        return this.#port.tell([{ news: "settled", key }]);
      }
      default:
        this.#checkSession(read);
        this.#port.tell(translateClaude(read).map((news) => this.#counted(news)));
        // After each use of a tool the model is asked again.
        if (read.type === "user") void this.#tellUsage();
        return;
    }
  }

  prompt(text: string): Promise<void> {
    const message = { role: "user", content: [{ type: "text", text }] };
    return this.#port.write({ type: "user", message, parent_tool_use_id: null, session_id: "" });
  }

  async interrupt(): Promise<void> {
    await this.#call({ subtype: "interrupt" }, this.#port.limits["call.timeoutMs"]);
  }

  async answer(key: string, answer: CheckedAnswer): Promise<void> {
    const asked = this.#asked.get(key);
    this.#asked.delete(key);
    if (asked) await this.#respond(key, asked.respond(answer));
  }

  ended(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  /** A version that does not tell counts the whole conversation: too much is better than too little for a budget. */
  async #readUsedBefore(): Promise<void> {
    this.#usedBefore = (await this.#readUsage())?.usage ?? {};
  }

  /** What it has used by now. By itself it tells that at the end of a turn only, when a budget may be long used up. */
  async #tellUsage(): Promise<void> {
    if (this.#isCounting) return;
    this.#isCounting = true;
    const news = await this.#readUsage();
    // A version that does not tell is not asked again.
    this.#isCounting = news === undefined;
    if (news) this.#port.tell([this.#counted(news)]);
  }

  async #readUsage(): Promise<UsageNews | undefined> {
    const answer = await this.#call({ subtype: "get_usage" }).catch(() => undefined);
    const session = UsageAnswerSchema.safeParse(answer).data?.session;
    return session?.model_usage ? claudeUsage(session.model_usage, session.total_cost_usd ?? undefined) : undefined;
  }

  #counted(news: News): News {
    return news.news === "usage" ? { ...news, usage: usedSince(news.usage, this.#usedBefore) } : news;
  }

  async #call(request: unknown, timeoutMs?: number): Promise<unknown> {
    const requestId = `signalbox-${++this.#count}`;
    const waiting = Promise.withResolvers<unknown>();
    waiting.promise.catch(() => undefined);
    this.#waiting.set(requestId, waiting);
    await this.#port.write({ type: "control_request", request_id: requestId, request });
    if (timeoutMs === undefined) return waiting.promise;
    const answer = await within(this.#port.clock, timeoutMs, waiting.promise);
    if (answer === "late") throw new AgentError("CALL_TIMEOUT", `claude did not answer in ${timeoutMs} ms`);
    return answer;
  }

  #takeResponse(frame: unknown): void {
    const { response } = ControlResponseSchema.parse(frame);
    const waiting = this.#waiting.get(response.request_id);
    if (!waiting) return this.#port.complain(`an answer to ${response.request_id}, which nobody asked`);
    this.#waiting.delete(response.request_id);
    if (response.subtype === "success") waiting.resolve(response.response);
    else waiting.reject(new Error(response.error ?? `claude answered ${response.subtype}`));
  }

  async #takeRequest(frame: unknown): Promise<void> {
    const { request_id: key, request } = ControlRequestSchema.parse(frame);
    if (request.subtype !== "can_use_tool") {
      const error = `this client has no ${request.subtype}`;
      return this.#port.write({ type: "control_response", response: { subtype: "error", request_id: key, error } });
    }
    const asked = readClaudeRequest(key, CanUseToolSchema.parse(request));
    this.#asked.set(key, asked);
    this.#port.tell([asked.news]);
  }

  #respond(key: string, response: unknown): Promise<void> {
    return this.#port.write({ type: "control_response", response: { subtype: "success", request_id: key, response } });
  }

  /** The name was given to it; one that goes by another could not be resumed. */
  #checkSession(frame: { readonly type: string }): void {
    const read = SystemFrameSchema.safeParse(frame).data;
    if (read?.subtype !== "init" || !read.session_id || read.session_id === this.#sessionId) return;
    this.#port.complain(`claude calls the session ${read.session_id}, not ${this.#sessionId}`);
  }
}

const FrameSchema = z.looseObject({ type: z.string() });
