import { adapterOf, createAcpAdapter, displayText, isAgentError, omnaraAdapter, transcriptOf } from "./index.ts";
import type { AgentEvent, AgentProgram, AgentSession, AgentStartSpec, Decision } from "./index.ts";

type Approval = Extract<AgentEvent, { type: "approval.requested" }>;

/** What the README shows; compiled, so that it stays true. */
export async function quickStart(program: AgentProgram, ask: (question: string) => Promise<boolean>): Promise<void> {
  await using session = await adapterOf("claude_code").start({
    sessionId: "ses_1",
    program,
    workspace: "/work/project",
    home: "/work/home",
    tmpDir: "/work/tmp",
    path: "/usr/bin:/bin",
    endpoint: { baseUrl: "https://models.example", apiKey: "sk-…" },
  });

  await session.prompt("Make the tests pass.");

  for await (const event of session.events) {
    if (event.type === "text.delta") process.stdout.write(displayText(event.text, { isMultiline: true }));
    if (event.type === "approval.requested") {
      const isAllowed = await ask(displayText(event.command ?? event.title));
      await session.answer(event.requestId, { decision: isAllowed ? "allow" : "deny" });
    }
    if (event.type === "turn.ended") break;
  }
}

export async function resume(spec: AgentStartSpec, recorded: readonly AgentEvent[]): Promise<AgentSession> {
  const session = await adapterOf("codex").start({
    ...spec,
    resume: { nativeSessionId: "01a1fc8a-3340-7933-9cc6-823354d9214c", transcript: transcriptOf(recorded) },
  });
  return session;
}

export function anyAgent(): void {
  const goose = createAcpAdapter({ provider: "acp:goose", arguments: ["acp"] });
  console.log(goose.capabilities("1.0.0").denyContinues);
}

export async function decide(session: AgentSession, approval: Approval): Promise<void> {
  const decisions: readonly Decision[] = [
    { decision: "allow" },
    { decision: "allow", scope: "session" },
    { decision: "allow", updatedInput: { command: "npm test" } },
    { decision: "deny", reason: "not on a Friday" },
    { decision: "deny", endTurn: true },
  ];
  for (const decision of decisions) {
    try {
      return await session.answer(approval.requestId, decision);
    } catch (error) {
      if (!isAgentError(error, "INVALID_ANSWER")) throw error;
    }
  }
}

export async function omnara(spec: AgentStartSpec): Promise<AgentSession> {
  const session = await omnaraAdapter.start({
    ...spec,
    program: { argv: ["omnara"], version: "unknown" },
    endpoint: { baseUrl: "https://omnara.example/api/v1", apiKey: "omnara_org_v1_…" },
    options: {
      org: "org_k7mv4qtrwz3jehcyd5n6a2bfgi",
      project: "proj_7mv4qtrwz3jehcyd5n6a2bfgik",
      config: "acfg_mv4qtrwz3jehcyd5n6a2bfgik7",
    },
  });
  return session;
}
