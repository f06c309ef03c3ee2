import { agentLimits, isAgentError, type AgentSession, type AgentStartSpec } from "@signalbox/agents";
import {
  agentInputsOf,
  agentProvider,
  CodegenInputsSchema,
  limit,
  type AgentInputs,
  type Envelope,
  type SessionEndReason,
} from "@signalbox/protocol";

import type { StepContext, Tool } from "../tools/tool.ts";
import type { AvailableAgent } from "./agent-catalog.ts";
import { documentScript } from "./document-script.ts";
import { SessionConversation } from "./session-conversation.ts";
import { SessionDiffs } from "./session-diffs.ts";
import { readMemory, type WorkspaceMemory } from "./memory-files.ts";
import { openModelGateway } from "./model-gateway.ts";
import { readTranscript } from "./read-transcript.ts";
import { closeSessionFolders, openSessionFolders, type SessionFolders } from "./session-folders.ts";
import { SessionJournal } from "./session-journal.ts";
import { sessionResult, unbegunResult, unopenedResult } from "./session-result.ts";
import { SessionShell } from "./session-shell.ts";
import { firstWords } from "./spoken-words.ts";
import { StepNarrator } from "./step-narrator.ts";
import { StepWatch } from "./step-watch.ts";
import { ToolPermissions } from "./tool-permissions.ts";
import { WrittenFiles } from "./written-files.ts";

/** The tools `codegen` and `agent:*`: a session in which an agent works on a task and can be spoken to. */
export const runSession: Tool = async (context) => {
  const { envelope, attemptId, epoch, cancelGraceMs } = context.grant;
  const { session: about, orgId } = envelope;
  const provider = about?.provider ?? agentProvider(envelope.tool);
  if (provider === undefined || !about) throw new Error(`${envelope.tool} is the work of no session`);
  const inputs = agentInputsOf(envelope.tool, envelope.inputs);
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
    return unopenedResult("provider_unavailable", message);
  }

  const isElsewhere = agent.adapter.capabilities(agent.program.version).workspace === "own";
  if (isElsewhere && envelope.tool === "codegen") {
    const message = `${provider} works on a machine of its own and cannot change the workspace, as codegen is to`;
    await journal.tell({ fact: "ended", reason: "provider_unavailable", message });
    return unopenedResult("provider_unavailable", message);
  }

  const opening = openShell(context, inputs, isElsewhere);
  await using _shell = { [Symbol.asyncDispose]: async () => (await opening)?.[Symbol.asyncDispose]() };
  const permissions = new ToolPermissions({
    toolsAllowed: envelope.toolsAllowed,
    permissions: inputs.permissions,
  });
  await using diffs = new SessionDiffs({ diff: context.diff, journal });
  const memory = isElsewhere ? undefined : await memoryOf(agent, context);
  const folders = await openSessionFolders(context.sessionsDirectory, about.sessionId, agent.home);
  // What runs on this machine gets no key of its owner's; what runs elsewhere is spoken to from here.
  await using gateway = agent.endpoint && !isElsewhere ? await openModelGateway(agent.endpoint) : undefined;
  const endpoint = gateway?.endpoint ?? agent.endpoint;
  let session: AgentSession;
  try {
    session = await agent.adapter.start(
      startSpec({ ...agent, ...(endpoint && { endpoint }) }, { context, inputs, about, folders, permissions, memory }),
    );
  } catch (error) {
    const { closeWanted } = context.inbox;
    if (closeWanted && !context.signal.aborted) return unbegunResult(closeWanted);
    if (!isAgentError(error)) throw error;
    const reason: SessionEndReason = error.code === "HANDSHAKE_TIMEOUT" ? "agent_silent" : "agent_failed";
    const message = error.message.slice(0, 4_000);
    await journal.tell({ fact: "ended", reason, message });
    return unopenedResult(reason, message);
  }

  diffs.begin();
  journal.hasTerminal = (await opening) !== undefined;
  const watch = new StepWatch({
    permissions,
    files: new WrittenFiles(context.workspace.pathInside),
    // Who speaks with an agent follows the session, not the output of its step.
    narrator: inputs.mode === "task" ? new StepNarrator(context) : undefined,
  });
  await using conversation = new SessionConversation({
    session,
    journal,
    inbox: context.inbox,
    diffs,
    graceMs: cancelGraceMs,
    watch,
    onGone: () => context.agentEnded(),
  });
  if (context.signal.aborted) void conversation.stop();
  context.signal.addEventListener("abort", () => void conversation.stop(), { once: true });
  const exit = await conversation.run(firstWords(about, inputs.task));
  const { closed } = conversation;
  const { failure, violation, files } = watch;
  const result = sessionResult({ provider, exit, closed, failure, violation, files });
  if (result.outcome === "succeeded") await closeSessionFolders(folders, agent.home);
  return result;
};

/** A shell in a workspace that the agent has nothing of would only mislead. */
async function openShell(
  context: StepContext,
  { terminal }: AgentInputs,
  isElsewhere: boolean,
): Promise<SessionShell | undefined> {
  if (!terminal) return undefined;
  if (!isElsewhere) return SessionShell.open(context, terminal);
  await context.say("signalbox: no terminal: the agent works on a machine of its own\n");
  return undefined;
}

function startSpec(
  agent: AvailableAgent,
  {
    context,
    inputs,
    about,
    folders,
    permissions,
    memory,
  }: {
    readonly context: StepContext;
    readonly permissions: ToolPermissions;
    readonly inputs: AgentInputs;
    readonly about: Exclude<Envelope["session"], undefined>;
    readonly folders: SessionFolders;
    readonly memory: WorkspaceMemory | undefined;
  },
): AgentStartSpec {
  const { program, endpoint, home, folders: programFolders, options, limits } = agent;
  return {
    sessionId: about.sessionId,
    program,
    workspace: context.workspace.pathInside,
    home: folders.home,
    tmpDir: folders.tmp,
    path: context.path,
    environment: context.additions,
    permissions: permissions.permissions,
    useOwnSandbox: !context.isEnclosed,
    signal: AbortSignal.any([context.signal, context.inbox.closing]),
    spawn: ({ argv, env }) =>
      context.startAgent({ argv, env, folder: folders.folder, home: folders.home, programFolders }),
    limits: { "handshake.timeoutMs": limit("session.handshakeMs"), ...limits },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(home === undefined ? {} : { configuration: "keep" as const }),
    ...(inputs.model === undefined ? {} : { model: inputs.model }),
    ...(memory === undefined ? {} : { instructions: memory.instructions }),
    ...resumeOf(about, context),
    options: { ...options, ...scriptOf(agent, context.grant.envelope, inputs.script) },
  };
}

/** The conversation to go on with, where there was one. What was said in it is asked for only when it cannot be loaded. */
function resumeOf(
  { nativeSessionId, turns }: Exclude<Envelope["session"], undefined>,
  context: StepContext,
): Pick<AgentStartSpec, "resume"> {
  if (nativeSessionId === null && turns === 0) return {};
  const named = nativeSessionId === null ? {} : { nativeSessionId };
  return { resume: { ...named, transcript: () => readTranscript(context.record()) } };
}

/** What the project has for agents to know. */
async function memoryOf(
  { adapter, limits }: AvailableAgent,
  context: StepContext,
): Promise<WorkspaceMemory | undefined> {
  const maxLength = agentLimits(limits)["instructions.length"];
  const memory = await readMemory(context.workspace, { names: adapter.memoryFiles, maxLength });
  if (!memory) return undefined;
  const files = memory.files.map(({ name, isCut }) => (isCut ? `the beginning of ${name}` : name));
  await context.say(`signalbox: the agent is told what stands in ${files.join(" and ")}\n`);
  return memory;
}

/** What the scripted agent plays: what the step says, else what the machine's owner says, else a document from the prompt. */
function scriptOf(
  { playsScripts = false, options }: AvailableAgent,
  { tool, inputs }: Envelope,
  script: string | undefined,
): { readonly script?: string } {
  if (script !== undefined) return { script };
  if (!playsScripts || tool !== "codegen" || options?.["script"] !== undefined) return {};
  return { script: JSON.stringify(documentScript(CodegenInputsSchema.parse(inputs))) };
}
