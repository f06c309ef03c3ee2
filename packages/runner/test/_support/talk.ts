import { AgentEventSchema, scriptedAdapter, type AgentEvent } from "@signalbox/agents";
import {
  SCRIPTED_AGENT_VERSION,
  scriptedAgentArgv,
  scriptedAgentFolders,
  type ScriptStepInput,
} from "@signalbox/agents/scripted-agent";
import { SessionFactSchema, type SessionCommand, type SessionFact, type SessionFactOf } from "@signalbox/protocol";
import { hashApprovalContent } from "@signalbox/protocol/hash";
import { eventually } from "@signalbox/testkit";

import type { AvailableAgent } from "../../src/index.ts";
import type { FakeAttempt } from "./fake-control-plane.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { grantOf, type GrantInput } from "./grants.ts";

export const SCRIPTED: AvailableAgent = {
  adapter: scriptedAdapter,
  program: { argv: scriptedAgentArgv(), version: SCRIPTED_AGENT_VERSION },
  folders: scriptedAgentFolders(),
};

/** A runner that has the scripted agent. */
export function startScripted(
  agent: Partial<AvailableAgent> = {},
  more: Parameters<typeof startFleet>[0] = {},
): Promise<Fleet> {
  return startFleet({ agents: new Map([["scripted", { ...SCRIPTED, ...agent }]]), ...more });
}

interface About {
  readonly turns?: number;
  readonly wasWorking?: boolean;
  readonly nativeSessionId?: string | null;
}

/** A session of the fake control plane, and what its runner has recorded. */
export class Talk {
  readonly attempt: FakeAttempt;
  readonly #fleet: Fleet;
  #seq = 0;

  constructor(fleet: Fleet, steps: readonly ScriptStepInput[], about: About = {}, input: GrantInput = {}) {
    this.#fleet = fleet;
    const script = JSON.stringify({ turns: [{ steps }] });
    this.attempt = fleet.fake.offer(
      grantOf({
        tool: "agent:scripted",
        inputs: { task: "Do it", mode: "task", permissions: "ask", script },
        ...input,
        envelope: {
          session: { sessionId: "ses_1.0", turns: 0, wasWorking: false, nativeSessionId: null, ...about },
          ...input.envelope,
        },
      }),
    );
  }

  get facts(): SessionFact[] {
    return this.#lines("session").map((line) => SessionFactSchema.parse(line));
  }

  get said(): AgentEvent[] {
    return this.#lines("agent").map((line) => AgentEventSchema.parse(line));
  }

  get words(): string {
    return this.said.map((event) => (event.type === "text.delta" ? event.text : "")).join("");
  }

  tell(command: SessionCommand, seq = ++this.#seq): void {
    const { attemptId, epoch } = this.attempt.grant;
    this.#fleet.fake.send({ type: "session_command", attemptId, epoch, seq, taken: 0, command });
  }

  close(): void {
    this.tell({ kind: "close", reason: "finished" });
  }

  fact<Fact extends SessionFact["fact"]>(name: Fact): Promise<SessionFactOf<Fact>> {
    return eventually(() => this.facts.find((fact): fact is SessionFactOf<Fact> => fact.fact === name));
  }

  /** Says yes or no to what the agent asked, as it was recorded. */
  async decide(decision: "allow" | "deny", over: object = {}): Promise<SessionFactOf<"asked">> {
    const asked = await this.fact("asked");
    const { requestId, kind, action, description, context, questions } = asked;
    const { attemptId, epoch, envelope } = this.attempt.grant;
    const origin = { attemptId, epoch, requestId };
    const about = { v: 1 as const, orgId: envelope.orgId, sessionId: "ses_1.0" };
    const contentHash = hashApprovalContent({ ...about, kind, action, description, context, questions, origin });
    this.tell({ kind: "answer", requestId, approvalId: "apr", contentHash, decision, scope: "once", ...over });
    return asked;
  }

  result() {
    return this.#fleet.fake.resultOf(this.attempt);
  }

  #lines(stream: "agent" | "session"): unknown[] {
    const lines = this.#fleet.fake.text(this.attempt, stream).split("\n");
    return lines.slice(0, -1).map((line) => JSON.parse(line) as unknown);
  }
}
