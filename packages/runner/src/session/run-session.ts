import { isAgentError, type AgentEventOf, type AgentSession, type AgentStartSpec } from "@signalbox/agents";
import { AgentInputsSchema, agentProvider, limit, type AgentInputs, type SessionEndReason } from "@signalbox/protocol";

import type { Tool, ToolResult } from "../tools/tool.ts";
import type { AvailableAgent } from "./agent-catalog.ts";
import { GO_ON, SessionConversation } from "./session-conversation.ts";
import { SessionDiffs } from "./session-diffs.ts";
import { closeSessionFolders, openSessionFolders, type SessionFolders } from "./session-folders.ts";
import { SessionJournal } from "./session-journal.ts";
import { SessionShell } from "./session-shell.ts";

/** The tools `agent:*`: a session in which an agent works on a task and can be spoken to. */
export const runSession: Tool = async (context) => {
  const { envelope, attemptId, epoch, cancelGraceMs } = context.grant;
  const provider = agentProvider(envelope.tool);
  const { session: about, orgId } = envelope;
  if (provider === undefined || !about) throw new Error(`${envelope.tool} is the work of no session`);
  const inputs = AgentInputsSchema.parse(envelope.inputs);
  const journal = new SessionJournal({
    orgId,
    sessionId: about.sessionId,
    attemptId,
    epoch,
    redact: (text) => context.redact(text),
    redaction: () => context.redaction(),
    say: (text, stream) => context.say(text, stream),
  });
  const agent = context.agents.get(provider);
  if (!agent) {
    const message = `this machine has no ${provider}`;
    await journal.tell({ fact: "ended", reason: "provider_unavailable", message });
    return { outcome: "failed", reason: "missing_dependency", message };
  }

  const opening = inputs.terminal && SessionShell.open(context, inputs.terminal);
  await using _shell = { [Symbol.asyncDispose]: async () => (await opening)?.[Symbol.asyncDispose]() };
  await using diffs = new SessionDiffs({ diff: context.diff, journal });
  const folders = await openSessionFolders(context.sessionsDirectory, about.sessionId, agent.home);
  let session: AgentSession;
  try {
    session = await agent.adapter.start(startSpec(agent, { context, inputs, about, folders }));
  } catch (error) {
    if (!isAgentError(error)) throw error;
    const reason: SessionEndReason = error.code === "HANDSHAKE_TIMEOUT" ? "agent_silent" : "agent_failed";
    const message = error.message.slice(0, 4_000);
    await journal.tell({ fact: "ended", reason, message });
    return { outcome: "failed", reason: "tool_failure", message };
  }

  journal.hasTerminal = (await opening) !== undefined;
  await using conversation = new SessionConversation({
    session,
    journal,
    inbox: context.inbox,
    diffs,
    graceMs: cancelGraceMs,
  });
  if (context.signal.aborted) void conversation.stop();
  context.signal.addEventListener("abort", () => void conversation.stop(), { once: true });
  const exit = await conversation.run(firstWords(about, inputs));
  const result = resultOf(exit, conversation.closedBecause);
  if (result.outcome === "succeeded") await closeSessionFolders(folders, agent.home);
  return result;
};

/** What the agent is told first: its task, to go on where it was cut off, or nothing yet. */
function firstWords(
  { turns, wasWorking }: { readonly turns: number; readonly wasWorking: boolean },
  { task }: AgentInputs,
): string | undefined {
  if (turns === 0) return task;
  return wasWorking ? GO_ON : undefined;
}

function startSpec(
  { program, endpoint, home, folders: programFolders, options, limits }: AvailableAgent,
  {
    context,
    inputs,
    about,
    folders,
  }: {
    readonly context: Parameters<Tool>[0];
    readonly inputs: AgentInputs;
    readonly about: { readonly sessionId: string; readonly nativeSessionId: string | null };
    readonly folders: SessionFolders;
  },
): AgentStartSpec {
  return {
    sessionId: about.sessionId,
    program,
    workspace: context.workspace.pathInside,
    home: folders.home,
    tmpDir: folders.tmp,
    path: context.path,
    permissions: inputs.permissions,
    useOwnSandbox: !context.isEnclosed,
    signal: context.signal,
    spawn: ({ argv, env }) =>
      context.startAgent({ argv, env, folder: folders.folder, home: folders.home, programFolders }),
    limits: { "handshake.timeoutMs": limit("session.handshakeMs"), ...limits },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(home === undefined ? {} : { configuration: "keep" as const }),
    ...(inputs.model === undefined ? {} : { model: inputs.model }),
    ...(about.nativeSessionId === null ? {} : { resume: { nativeSessionId: about.nativeSessionId } }),
    options: { ...options, ...(inputs.script === undefined ? {} : { script: inputs.script }) },
  };
}

/** Reasons for closing that are no failure. */
const GOOD: ReadonlySet<SessionEndReason> = new Set(["finished", "closed", "inactive"]);

function resultOf(exit: AgentEventOf<"process.exited">, closedBecause: SessionEndReason | undefined): ToolResult {
  if (closedBecause !== undefined && GOOD.has(closedBecause)) return { outcome: "succeeded" };
  const message = closedBecause === undefined ? exit.message : `the session was closed: ${closedBecause}`;
  return { outcome: "failed", reason: "tool_failure", message };
}
