import { PROTOCOL_VERSION } from "@agentclientprotocol/sdk";
import type { JsonRpcId } from "@agentclientprotocol/sdk";

import type { AgentFailure } from "../agent-event.ts";
import type { AgentStartSpec } from "../agent-session.ts";
import type { AgentCapabilities } from "../capabilities.ts";
import { delay } from "../clock.ts";
import type { AgentDriver, DriverPort, OpenedSession } from "../session/agent-driver.ts";
import type { Opening } from "../session/agent-protocol.ts";
import type { CheckedAnswer } from "../session/check-answer.ts";
import type { News, ToolNews, TurnStatus, UsageNews } from "../session/news.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { AcpConnection, methodNotFound } from "./acp-connection.ts";
import { acpFailure, failureOfStop, soundsLikeFailure } from "./acp-failure.ts";
import { InitializedSchema, OpenedSchema, PromptResponseSchema, SessionUpdateSchema } from "./acp-frames.ts";
import type { AcpPromptResponse } from "./acp-frames.ts";
import { readAcpRequest } from "./acp-requests.ts";
import type { AcpRequest } from "./acp-requests.ts";
import { translateAcp, usageOfTurn } from "./translate-acp.ts";

/** How one ACP agent differs from another. */
export interface AcpFlavour {
  /** What the answer to a prompt says of tokens. Default: as `usageOfTurn`, for that turn. */
  readonly usageOf?: (response: AcpPromptResponse) => Pick<UsageNews, "counts" | "usage"> | undefined;
  /** `text`: it ends a turn that failed as if all were well, and says so in words. Default `typed`. */
  readonly failures?: "typed" | "text";
  /** The title of a call that runs a command is the command. Default false: it is only what the agent says of itself. */
  readonly titlesAreCommands?: boolean;
  /** A mode to set when the session is open. */
  readonly mode?: string | undefined;
  /** It answers that a conversation is loaded, and tells what was said in it after that. Default false. */
  readonly tellsHistoryLate?: boolean;
  /** Whether the model was chosen with the program's arguments. Default false: it is a configuration option. */
  readonly isModelChosen?: boolean;
}

/** Speaks ACP with one agent about one session. */
export class AcpDriver implements AgentDriver {
  readonly #port: DriverPort;
  readonly #spec: AgentStartSpec;
  readonly #opening: Opening;
  readonly #flavour: AcpFlavour;
  readonly #connection: AcpConnection;
  readonly #asked = new Map<string, { readonly request: AcpRequest; readonly resolve: (result: unknown) => void }>();
  #sessionId: string | undefined;
  #hasEnded = false;
  /** While an earlier conversation is loaded, the agent tells all of it again. */
  #isLoading = false;
  /** How many updates have come. */
  #updates = 0;
  /** What an earlier conversation had cost. */
  #costBefore = 0;
  /** What the agent has said in this turn, as long as it has done nothing else. */
  #onlyWords: string | undefined;

  constructor(port: DriverPort, spec: AgentStartSpec, opening: Opening, flavour: AcpFlavour) {
    this.#port = port;
    this.#spec = spec;
    this.#opening = opening;
    this.#flavour = flavour;
    this.#connection = new AcpConnection({
      port,
      onRequest: ({ id, method, params, signal }) => this.#takeRequest(id, method, params, signal),
      onNotification: (method, params) => this.#takeNotification(method, params),
    });
  }

  async open(): Promise<OpenedSession> {
    try {
      return await this.#shakeHands();
    } catch (error) {
      // What ACP calls an internal error has its reason in the details.
      throw new Error(acpFailure(error).message, { cause: error });
    }
  }

  async #shakeHands(): Promise<OpenedSession> {
    const agent = InitializedSchema.parse(
      await this.#connection.call("initialize", {
        protocolVersion: PROTOCOL_VERSION,
        clientInfo: { name: "signalbox", title: "Signalbox", version: "1" },
        // Neither files nor terminals of this side: the agent has its own, inside its sandbox.
        clientCapabilities: { elicitation: { form: {} } },
      }),
    );
    if (agent.protocolVersion !== PROTOCOL_VERSION) {
      throw new Error(`speaks ACP ${agent.protocolVersion}, not ${PROTOCOL_VERSION}`);
    }
    const resume = agent.agentCapabilities?.loadSession
      ? "load"
      : agent.agentCapabilities?.sessionCapabilities?.resume
        ? "resume"
        : "none";
    const sessionId = await this.#openSession(resume);
    return {
      nativeSessionId: sessionId,
      agentVersion: agent.agentInfo?.version ?? undefined,
      model: this.#spec.model,
      capabilities: { resume },
    };
  }

  receive(frame: unknown): Promise<void> {
    return this.#connection.receive(frame);
  }

  prompt(text: string): Promise<void> {
    this.#onlyWords = "";
    const params = { sessionId: this.#sessionId, prompt: [{ type: "text", text }] };
    this.#connection.call("session/prompt", params).then(
      (response) => this.#endTurn(response),
      (error: unknown) => this.#tellEnd("failed", acpFailure(error)),
    );
    return Promise.resolve();
  }

  /**
   * And answers what is open, which some agents wait for. In this order: an agent that hears the answer first takes it for a
   * denial and goes on.
   */
  async interrupt(open: readonly string[]): Promise<void> {
    const cancelling = this.#connection.notify("session/cancel", { sessionId: this.#sessionId });
    for (const key of open) await this.answer(key, { kind: "cancel" });
    await cancelling;
  }

  answer(key: string, answer: CheckedAnswer): Promise<void> {
    const asked = this.#asked.get(key);
    this.#asked.delete(key);
    asked?.resolve(asked.request.respond(answer));
    return Promise.resolve();
  }

  /** How the turn ended that was under way, the session tells. */
  ended(error: Error): void {
    this.#hasEnded = true;
    this.#connection.close(error);
  }

  async #openSession(resume: AgentCapabilities["resume"]): Promise<string> {
    const { load } = this.#opening;
    const where = { cwd: this.#spec.workspace, mcpServers: [] };
    if (load !== undefined && resume === "none") throw new Error("does not load conversations");
    this.#isLoading = load !== undefined;
    const method = load === undefined ? "session/new" : `session/${resume}`;
    const params = load === undefined ? where : { ...where, sessionId: load };
    const opened = OpenedSchema.parse((await this.#connection.call(method, params)) ?? {});
    if (this.#isLoading && this.#flavour.tellsHistoryLate) await this.#untilQuiet();
    this.#isLoading = false;
    const sessionId = load ?? opened.sessionId;
    if (sessionId === undefined) throw new Error("opened a session without a name");
    this.#sessionId = sessionId;
    await this.#configure(sessionId, opened.configOptions ?? []);
    return sessionId;
  }

  /** Nothing says where the history ends and news begins, but a pause. */
  async #untilQuiet(): Promise<void> {
    const { clock, limits } = this.#port;
    for (let heard = -1; heard !== this.#updates;) {
      heard = this.#updates;
      await delay(clock, limits["load.quietMs"]);
    }
  }

  async #configure(
    sessionId: string,
    options: readonly { readonly id: string; readonly category?: string | null | undefined }[],
  ): Promise<void> {
    const { mode, isModelChosen = false } = this.#flavour;
    const { model } = this.#spec;
    if (mode !== undefined) await this.#connection.call("session/set_mode", { sessionId, modeId: mode });
    if (model === undefined || isModelChosen) return;
    const option = options.find(({ category }) => category === "model");
    if (!option) throw new Error("does not let the model be chosen");
    await this.#connection.call("session/set_config_option", { sessionId, configId: option.id, value: model });
  }

  #takeNotification(method: string, params: unknown): void {
    if (method !== "session/update") return this.#port.tell([{ news: "raw", frame: { method, params } }]);
    const { sessionId, update } = SessionUpdateSchema.parse(params);
    if (this.#sessionId !== undefined && sessionId !== this.#sessionId) return;
    this.#updates++;
    const news = translateAcp(update).map((each) => this.#complete(each));
    if (this.#isLoading) return;
    for (const each of news) this.#listen(each);
    this.#port.tell(news);
  }

  /** What this agent is known to mean, and does not say. */
  #complete(news: News): News {
    if (news.news === "usage") return this.#counted(news);
    if (!this.#flavour.titlesAreCommands) return news;
    if (news.news === "tool") return { ...news, ...withCommand(news) };
    return news.news === "approval" && news.tool ? { ...news, tool: withCommand(news.tool) } : news;
  }

  /** Agents tell the cost of the whole conversation; what an earlier start had cost is not ours. */
  #counted(news: UsageNews): UsageNews {
    const { costUsd } = news.usage;
    if (costUsd === undefined) return news;
    if (this.#isLoading) this.#costBefore = costUsd;
    return { ...news, usage: { ...news.usage, costUsd: Math.max(0, costUsd - this.#costBefore) } };
  }

  #listen(news: News): void {
    if (news.news === "tool") this.#onlyWords = undefined;
    if (news.news !== "text" || this.#onlyWords === undefined || this.#onlyWords.length >= WORDS_HEARD) return;
    this.#onlyWords += news.text.slice(0, WORDS_HEARD);
  }

  #takeRequest(id: JsonRpcId, method: string, params: unknown, signal: AbortSignal): Promise<unknown> {
    // A number and a string may look alike.
    const key = JSON.stringify(id);
    const request = readAcpRequest(method, key, params);
    if (!request) return Promise.reject(methodNotFound(method));
    return new Promise((resolve) => {
      this.#asked.set(key, { request, resolve });
      signal.addEventListener("abort", () => this.#withdraw(key), { once: true });
      this.#port.tell([this.#complete(request.news)]);
    });
  }

  #withdraw(key: string): void {
    if (!this.#asked.has(key)) return;
    this.#port.tell([{ news: "settled", key }]);
    void this.answer(key, { kind: "cancel" });
  }

  #endTurn(answer: unknown): void {
    const read = PromptResponseSchema.safeParse(answer);
    if (!read.success) {
      const message = "the agent ended its turn without a reason";
      return this.#tellEnd("failed", { code: "protocol_error", message, isRetryable: false });
    }
    const usage = (this.#flavour.usageOf ?? usageOfTurn)(read.data);
    if (usage) this.#port.tell([{ news: "usage", ...usage }]);
    const { stopReason } = read.data;
    if (stopReason === "cancelled") return this.#tellEnd("cancelled");
    const failure = failureOfStop(stopReason) ?? this.#suspicion();
    this.#tellEnd(failure ? "failed" : "completed", failure);
  }

  /** A turn that brought nothing but words, and those of a failure. */
  #suspicion(): AgentFailure | undefined {
    const words = this.#onlyWords;
    if (this.#flavour.failures !== "text" || words === undefined || !soundsLikeFailure(words)) return undefined;
    return { ...acpFailure(new Error(words)), isRetryable: true };
  }

  #tellEnd(status: TurnStatus, error?: AgentFailure): void {
    if (this.#hasEnded) return;
    this.#port.tell([{ news: "turn_ended", status, ...withoutUndefined({ error }) }]);
  }
}

function withCommand(tool: ToolNews): ToolNews {
  return tool.kind === "command" && tool.title !== undefined ? { command: tool.title, ...tool } : tool;
}

/** How much of a turn's words is looked at. */
const WORDS_HEARD = 500;
