import type { AgentStartSpec } from "../agent-session.ts";
import { AgentError } from "../errors.ts";
import { JsonRpcPeer, METHOD_NOT_FOUND } from "../json-rpc-peer.ts";
import type { RpcId } from "../json-rpc-peer.ts";
import type { AgentDriver, DriverPort, OpenedSession } from "../session/agent-driver.ts";
import type { Opening } from "../session/agent-protocol.ts";
import type { CheckedAnswer } from "../session/check-answer.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { InitializedSchema, ThreadOpenedSchema, TokenUsageSchema, TurnStartedSchema } from "./codex-frames.ts";
import type { CodexTokens } from "./codex-frames.ts";
import { readCodexRequest } from "./codex-requests.ts";
import type { CodexRequest } from "./codex-requests.ts";
import { codexUsage, keyOf, threadOf, translateCodex } from "./translate-codex.ts";

/** Speaks to one `codex app-server` about one thread. */
export class CodexDriver implements AgentDriver {
  readonly #port: DriverPort;
  readonly #spec: AgentStartSpec;
  readonly #opening: Opening;
  readonly #rpc: JsonRpcPeer;
  readonly #asked = new Map<string, { readonly id: RpcId; readonly request: CodexRequest }>();
  #threadId: string | undefined;
  #turnId: string | undefined;
  /** Whether the turn of the last prompt has begun, which it has not yet when the prompt is answered. */
  #begun: PromiseWithResolvers<void> | undefined;
  /** What the thread had used before this process. */
  #usedBefore: CodexTokens | undefined;

  constructor(port: DriverPort, spec: AgentStartSpec, opening: Opening) {
    this.#port = port;
    this.#spec = spec;
    this.#opening = opening;
    this.#rpc = new JsonRpcPeer({
      clock: port.clock,
      write: (frame) => port.write(frame),
      onRequest: (id, method, params) => this.#takeRequest(id, method, params),
      onNotification: (method, params) => this.#takeNotification(method, params),
      onNonsense: (message) => port.complain(message),
    });
  }

  async open(): Promise<OpenedSession> {
    const client = { name: "signalbox", title: "Signalbox", version: "1" };
    const capabilities = { experimentalApi: false, requestAttestation: false };
    const { userAgent } = InitializedSchema.parse(
      await this.#rpc.call("initialize", { clientInfo: client, capabilities }),
    );
    await this.#rpc.notify("initialized");
    const { thread, model } = ThreadOpenedSchema.parse(await this.#openThread());
    this.#threadId = thread.id;
    return { nativeSessionId: thread.id, model: model ?? undefined, agentVersion: versionIn(userAgent ?? "") };
  }

  receive(frame: unknown): Promise<void> {
    return this.#rpc.receive(frame);
  }

  async prompt(text: string): Promise<void> {
    this.#begun = Promise.withResolvers();
    const { turn } = TurnStartedSchema.parse(
      await this.#rpc.call("turn/start", { threadId: this.#threadId, input: inputOf(text) }, this.#timeoutMs),
    );
    this.#turnId = turn.id;
  }

  async steer(text: string): Promise<void> {
    const params = { threadId: this.#threadId, input: inputOf(text), expectedTurnId: this.#turnId };
    try {
      await this.#rpc.call("turn/steer", params, this.#timeoutMs);
    } catch (error) {
      throw new AgentError("CALL_FAILED", `codex would not be steered: ${String(error)}`, {}, { cause: error });
    }
  }

  /** What is open resolves by itself. A turn that has not begun yet would not be ended. */
  async interrupt(): Promise<void> {
    await this.#begun?.promise;
    await this.#rpc.call("turn/interrupt", { threadId: this.#threadId, turnId: this.#turnId }, this.#timeoutMs);
  }

  async answer(key: string, answer: CheckedAnswer): Promise<void> {
    const asked = this.#asked.get(key);
    this.#asked.delete(key);
    if (asked) await this.#rpc.respond(asked.id, asked.request.respond(answer));
  }

  ended(error: Error): void {
    this.#rpc.close(error);
  }

  get #timeoutMs(): number {
    return this.#port.limits["call.timeoutMs"];
  }

  /**
   * `untrusted` asks before every command that does more than read: with any other policy a command that the sandbox blocks
   * leaves no trace.
   */
  #openThread(): Promise<unknown> {
    const settings = {
      cwd: this.#spec.workspace,
      approvalPolicy: "untrusted",
      sandbox: this.#spec.useOwnSandbox === false ? "danger-full-access" : "workspace-write",
      ...withoutUndefined({ model: this.#spec.model, developerInstructions: this.#spec.instructions }),
    };
    const { load } = this.#opening;
    return load === undefined
      ? this.#rpc.call("thread/start", settings)
      : this.#rpc.call("thread/resume", { ...settings, threadId: load, excludeTurns: true });
  }

  #takeNotification(method: string, params: unknown): void {
    // A terminal on the same server makes helper threads of its own, for titles.
    const thread = threadOf(params);
    if (thread !== undefined && this.#threadId !== undefined && thread !== this.#threadId) return;
    if (method === "turn/started") {
      this.#turnId = TurnStartedSchema.parse(params).turn.id;
      this.#begun?.resolve();
    }
    if (method === "thread/tokenUsage/updated") return this.#takeUsage(params);
    const news = translateCodex(method, params);
    for (const each of news) if (each.news === "settled") this.#asked.delete(each.key);
    this.#port.tell(news);
  }

  /** A thread that was resumed tells first what it had used when its last turn ended. */
  #takeUsage(params: unknown): void {
    const { turnId, tokenUsage } = TokenUsageSchema.parse(params);
    const { total, last, modelContextWindow } = tokenUsage;
    if (this.#turnId === undefined || turnId !== this.#turnId) return void (this.#usedBefore = total);
    const usage = codexUsage(total, this.#usedBefore);
    const context = { contextTokens: last.totalTokens, contextWindow: modelContextWindow ?? undefined };
    this.#port.tell([{ news: "usage", counts: "total", usage, ...context }]);
  }

  async #takeRequest(id: RpcId, method: string, params: unknown): Promise<void> {
    const key = keyOf(id);
    const request = readCodexRequest(method, key, params);
    if (!request) return this.#rpc.refuse(id, METHOD_NOT_FOUND, `this client has no ${method}`);
    this.#asked.set(key, { id, request });
    this.#port.tell([request.news]);
  }
}

function inputOf(text: string): unknown {
  return [{ type: "text", text, text_elements: [] }];
}

/** `signalbox/0.169.0 (…)` */
function versionIn(userAgent: string): string | undefined {
  return /^[^/]+\/(\S+)/.exec(userAgent)?.[1];
}
