import type { PERMISSION_MODES } from "@signalbox/protocol";

import type { AgentEvent, AgentEventOf } from "./agent-event.ts";
import type { AgentCapabilities } from "./capabilities.ts";
import type { Clock } from "./clock.ts";
import type { AgentLimits } from "./limits.ts";
import type { SpawnAgent } from "./process/agent-process.ts";
import type { Transcript } from "./transcript.ts";

/** One kind of agent: how it is started and spoken to. */
export interface AgentAdapter {
  /** As in a session's `providerId`. */
  readonly provider: string;
  /**
   * Files at the top of a workspace in which projects write down what this agent should know, the one that counts most first.
   * The agent does not read them by itself here: they are for `instructions`. Default: `AGENTS.md`.
   */
  readonly memoryFiles?: readonly string[];
  /** What the agent of this version can do through this adapter. */
  capabilities(version: string): AgentCapabilities;
  /**
   * Starts an agent and resolves when it takes prompts. Rejects with an `AgentError` (`INVALID_SPEC`, `SPAWN_FAILED`,
   * `HANDSHAKE_TIMEOUT`, `HANDSHAKE_FAILED`), and then nothing is left running.
   */
  start(spec: AgentStartSpec): Promise<AgentSession>;
}

/** The program of an agent, as it was installed. */
export interface AgentProgram {
  /**
   * The program and what always comes after it: `["/…/codex"]`, `["/…/node", "/…/gemini.js"]`. Absolute paths. Of a service,
   * which nobody starts here, its name.
   */
  readonly argv: readonly [string, ...string[]];
  /** As the program itself tells it. */
  readonly version: string;
}

/** Where an agent reaches its model; of a service, where the service is. */
export interface ModelEndpoint {
  readonly baseUrl: string;
  /** Goes into the agent's environment, or to the service as a header, and nowhere else. */
  readonly apiKey: string;
}

/** All that an agent's start needs. Nothing else reaches it: no variable and no file of whoever starts it. */
export interface AgentStartSpec {
  /** Whose session this is; every process of it carries the name in its environment. */
  readonly sessionId: string;
  readonly program: AgentProgram;
  /** Where it works; absolute. */
  readonly workspace: string;
  /** The agent's own home folder; absolute, and there. Its configuration is written below it. */
  readonly home: string;
  /** For temporary files; absolute, and there. The home must not be below it. */
  readonly tmpDir: string;
  /** The PATH of the agent and of what it runs. */
  readonly path: string;
  /** Without one the agent uses what is in `home`: a login that its owner made there. */
  readonly endpoint?: ModelEndpoint;
  readonly model?: string;
  /**
   * `keep` leaves the configuration in `home` as it is, for a home that belongs to a person; what a session should have set is
   * then set beside it, where the agent can be told so. Default `write`.
   */
  readonly configuration?: "write" | "keep";
  /** More variables. One that the adapter sets itself is refused. */
  readonly environment?: Readonly<Record<string, string>>;
  /** What is allowed without asking. Default `ask`: nothing that the agent asks for. */
  readonly permissions?: (typeof PERMISSION_MODES)[number];
  /** Whether the agent should use a sandbox of its own where it has one. Default true; false inside another sandbox. */
  readonly useOwnSandbox?: boolean;
  /** The name of a new conversation, for agents that let it be chosen. */
  readonly nativeSessionId?: string;
  readonly resume?: ResumeSpec;
  /**
   * What the agent is told beside its own instructions, such as what the workspace has for agents to know: they do not read
   * that by themselves here. At most `instructions.length` characters.
   */
  readonly instructions?: string;
  /** Default `unknown`: frames that no other event carries come as `raw`; `all` brings every frame, both ways. */
  readonly raw?: "unknown" | "all";
  /** What only one provider knows; see its adapter. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** How processes are made. Default `spawnAgentProcess`. */
  readonly spawn?: SpawnAgent;
  readonly clock?: Clock;
  readonly limits?: Partial<AgentLimits>;
  /** Ends the start, not the session: once it is started, `close` does. */
  readonly signal?: AbortSignal;
}

/** An earlier conversation to go on with. */
export interface ResumeSpec {
  /** The agent's own name for it, to load it by. Absent where that is not known. */
  readonly nativeSessionId?: string;
  /**
   * What was said, for the case that the agent cannot load it; told to the agent before the first prompt. A function is asked
   * only in that case; one that rejects, or answers nothing, lets the agent begin anew.
   */
  readonly transcript?: Transcript | (() => Promise<Transcript>);
}

/** One conversation with one running agent. */
export interface AgentSession extends AsyncDisposable {
  readonly provider: string;
  readonly nativeSessionId: string;
  readonly capabilities: AgentCapabilities;
  /**
   * Everything that happens, from `session.ready` to `process.exited`; then it ends. For one reader: what one loop has
   * taken no other sees, and a loop that is left can be followed by another. A reader that stops reading stops the agent.
   */
  readonly events: AsyncIterable<AgentEvent>;
  /**
   * Begins a turn and resolves with its id once the agent was told. Rejects with `TURN_RUNNING`, `INVALID_PROMPT`
   * (empty, or over `prompt.length`) or `SESSION_ENDED`. Whatever goes wrong later is in `turn.ended`.
   */
  prompt(text: string): Promise<string>;
  /** Puts words into the running turn. Rejects with `NO_TURN`, and with `NOT_SUPPORTED` where `steer` is false. */
  steer(text: string): Promise<void>;
  /**
   * Ends the running turn and resolves when it has ended; does nothing when none runs. What is open is cancelled. An agent
   * that goes on for `interrupt.graceMs` is ended itself.
   */
  interrupt(): Promise<void>;
  /**
   * Answers an approval or question. The first answer counts: another rejects with `UNKNOWN_REQUEST`, as does one to a
   * request that is over. `INVALID_ANSWER` leaves the request open.
   */
  answer(requestId: string, answer: Decision | Answers): Promise<void>;
  /**
   * Ends the agent and everything that it started, and resolves with its last event when nothing is left. Calling it again
   * is harmless. `graceMs` is the time between the polite signal and the kill. `isForGood` says that nobody will go on with the
   * conversation, so that a service does not keep its agent; default false.
   */
  close(options?: { readonly graceMs?: number; readonly isForGood?: boolean }): Promise<AgentEventOf<"process.exited">>;
}

/** An answer to an approval. */
export type Decision =
  | {
      readonly decision: "allow";
      /** `session`: for all like it, where the agent offers that. Default `once`. */
      readonly scope?: "once" | "session";
      /** One of the offered options, instead of the one that decision and scope mean. */
      readonly optionId?: string;
      /** What the tool is given instead, where `canEditInput`. */
      readonly updatedInput?: unknown;
    }
  | {
      readonly decision: "deny";
      /** For the model, where it is told. */
      readonly reason?: string;
      readonly optionId?: string;
      /** End the turn as well. Default false, but an agent without `denyContinues` ends it anyway. */
      readonly endTurn?: boolean;
    };

/** Answers to questions: for each question's id the labels chosen, or words of one's own. */
export interface Answers {
  readonly answers: Readonly<Record<string, readonly string[]>>;
}
