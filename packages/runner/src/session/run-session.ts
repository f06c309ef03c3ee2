import { isAgentError, type AgentEventOf, type AgentSession, type AgentStartSpec } from "@signalbox/agents";
import { AgentInputsSchema, agentProvider, type AgentInputs, type SessionEndReason } from "@signalbox/protocol";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Tool, ToolResult } from "../tools/tool.ts";
import type { AvailableAgent } from "./agent-catalog.ts";
import { GO_ON, SessionConversation } from "./session-conversation.ts";
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
  const folders = await sessionFolders(context.sessionsDirectory, about.sessionId);
  let session: AgentSession;
  try {
    session = await agent.adapter.start(startSpec(agent, { context, inputs, about, folders }));
  } catch (error) {
    if (!isAgentError(error)) throw error;
    const reason: SessionEndReason = error.code === "HANDSHAKE_TIMEOUT" ? "agent_silent" : "agent_failed";
    await journal.tell({ fact: "ended", reason, message: error.message });
    return { outcome: "failed", reason: "tool_failure", message: error.message };
  }

  journal.hasTerminal = (await opening) !== undefined;
  await using conversation = new SessionConversation({
    session,
    journal,
    inbox: context.inbox,
    graceMs: cancelGraceMs,
  });
  context.signal.addEventListener("abort", () => void conversation.stop(), { once: true });
  const exit = await conversation.run(firstWords(about, inputs));
  return resultOf(exit, conversation.closedBecause);
};

/** What the agent is told first: its task, to go on where it was cut off, or nothing yet. */
function firstWords(
  { turns, wasWorking }: { readonly turns: number; readonly wasWorking: boolean },
  { task }: AgentInputs,
): string | undefined {
  if (turns === 0) return task;
  return wasWorking ? GO_ON : undefined;
}

interface SessionFolders {
  readonly folder: string;
  readonly home: string;
  readonly tmp: string;
}

/** The session's own folder on this machine: it outlives the attempt, so that the next one can load the conversation. */
async function sessionFolders(root: string, sessionId: string): Promise<SessionFolders> {
  const folder = join(root, sessionId);
  const [home, tmp] = [join(folder, "home"), join(folder, "tmp")];
  for (const each of [home, tmp]) await mkdir(each, { recursive: true, mode: 0o700 });
  return { folder, home, tmp };
}

function startSpec(
  { program, endpoint, home, folders: programFolders, options }: AvailableAgent,
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
  const own = home === undefined ? folders : { folder: home, home, tmp: folders.tmp };
  return {
    sessionId: about.sessionId,
    program,
    workspace: context.workspace.pathInside,
    home: own.home,
    tmpDir: own.tmp,
    path: context.path,
    permissions: inputs.permissions,
    useOwnSandbox: !context.isEnclosed,
    signal: context.signal,
    spawn: ({ argv, env }) => context.startAgent({ argv, env, folder: own.folder, home: own.home, programFolders }),
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
