import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { agent, PROTOCOL_VERSION, RequestError } from "@agentclientprotocol/sdk";
import type {
  AgentApp,
  AgentContext,
  ContentBlock,
  InitializeResponse,
  PromptRequest,
  PromptResponse,
} from "@agentclientprotocol/sdk";
import type { AgentHost } from "./agent-host.ts";
import { playOutside } from "./host-steps.ts";
import { playSteps } from "./play-steps.ts";
import type { AgentScript, ScriptStep } from "@signalbox/protocol/agent-script";
import { ScriptedSession, stepsFor } from "./scripted-session.ts";
import { SessionFile } from "./session-file.ts";
import { Turn, TurnEnd } from "./turn.ts";

/** The version that the scripted agent tells of itself. */
export const SCRIPTED_AGENT_VERSION = "1.0.0";

export interface ScriptedAgentParts {
  readonly script: AgentScript;
  /** Where sessions are kept for those who load them later. */
  readonly stateDir: string;
  readonly host: AgentHost;
}

/** An agent that plays a script over the Agent Client Protocol. */
export function scriptedAgent({ script, stateDir, host }: ScriptedAgentParts): AgentApp {
  const sessions = new Map<string, ScriptedSession>();
  let canAsk = false;

  /** Puts an earlier session back, after what the script has for that. */
  async function reopen(sessionId: string, cwd: string): Promise<ScriptedSession> {
    await outside(script.reopen, cwd);
    const file = SessionFile.open(stateDir, sessionId);
    if (!file) throw RequestError.sessionNotFound(sessionId);
    const session = new ScriptedSession(sessionId, cwd, file);
    sessions.set(sessionId, session);
    return session;
  }

  function outside(steps: readonly ScriptStep[], cwd: string): Promise<void> {
    return playOutside(steps, { host, cwd, wait: (ms) => sleep(ms) });
  }

  return agent({ name: "signalbox-scripted-agent" })
    .onRequest("initialize", ({ params }) => {
      canAsk = Boolean(params.clientCapabilities?.elicitation?.form);
      return introduction(script);
    })
    .onRequest("session/new", async ({ params: { cwd } }) => {
      await outside(script.open, cwd);
      const id = randomUUID();
      sessions.set(id, new ScriptedSession(id, cwd, SessionFile.create(stateDir, id)));
      return { sessionId: id };
    })
    .onRequest("session/load", async ({ params: { sessionId, cwd }, client }) => {
      if (!canLoad(script)) throw RequestError.methodNotFound("session/load");
      const session = await reopen(sessionId, cwd);
      for (const update of session.file.updates) await client.notify("session/update", { sessionId, update });
      return {};
    })
    .onRequest("session/resume", async ({ params: { sessionId, cwd } }) => {
      if (!canResume(script)) throw RequestError.methodNotFound("session/resume");
      await reopen(sessionId, cwd);
      return {};
    })
    .onRequest("session/close", ({ params: { sessionId } }) => {
      sessions.get(sessionId)?.turn?.cancel();
      if (!sessions.delete(sessionId)) throw RequestError.sessionNotFound(sessionId);
      return {};
    })
    .onNotification("session/cancel", ({ params: { sessionId } }) => sessions.get(sessionId)?.turn?.cancel())
    .onRequest("session/prompt", ({ params, client }) => {
      const session = sessions.get(params.sessionId);
      if (!session) throw RequestError.sessionNotFound(params.sessionId);
      return playPrompt(session, params, client);
    });

  async function playPrompt(
    session: ScriptedSession,
    { prompt }: PromptRequest,
    client: AgentContext,
  ): Promise<PromptResponse> {
    if (session.turn) throw RequestError.invalidRequest(undefined, "a prompt of this session is being worked on");
    const text = prompt.map(textOf).join("\n");
    const { file } = session;
    const turn = new Turn({ host, session, client, canAsk, prompt: text, earlier: file.messages });
    const { steps, isCounted } = stepsFor(script, text, file.countedPrompts);
    file.keepPrompt(text, isCounted);
    session.turn = turn;
    try {
      await playSteps(steps, turn);
      return answer("end_turn", session);
    } catch (error) {
      if (error instanceof TurnEnd) return answer(error.reason, session);
      throw error;
    } finally {
      session.turn = undefined;
    }
  }
}

function introduction(script: AgentScript): InitializeResponse {
  return {
    protocolVersion: PROTOCOL_VERSION,
    agentInfo: { name: "signalbox-scripted-agent", title: "Scripted agent", version: SCRIPTED_AGENT_VERSION },
    agentCapabilities: {
      loadSession: canLoad(script),
      sessionCapabilities: { close: {}, ...(canResume(script) ? { resume: {} } : {}) },
    },
    authMethods: [],
  };
}

function canLoad({ resume }: AgentScript): boolean {
  return resume === "load" || resume === "both";
}

function canResume({ resume }: AgentScript): boolean {
  return resume === "resume" || resume === "both";
}

/** The usage is news of the next protocol version, and agents tell it already. */
function answer(stopReason: PromptResponse["stopReason"], { usage }: ScriptedSession): PromptResponse {
  const response = { stopReason, ...(usage ? { usage } : {}) };
  return response;
}

function textOf(block: ContentBlock): string {
  if (block.type === "text") return block.text;
  return block.type === "resource_link" ? block.uri : `[${block.type}]`;
}
