import type { AgentCapabilities } from "../capabilities.ts";
import type { Clock } from "../clock.ts";
import type { AgentLimits } from "../limits.ts";
import type { CheckedAnswer } from "./check-answer.ts";
import type { News } from "./news.ts";

/** One agent's protocol: speaks to one process. It keeps no books of turns, tools and requests; the session does. */
export interface AgentDriver {
  /** Shakes hands and opens the conversation. Rejects when the agent refuses. */
  open(): Promise<OpenedSession>;
  /** One frame, in order; the next comes when the promise has resolved. */
  receive(frame: unknown): void | Promise<void>;
  /** Tells the agent to begin a turn. Rejects when it will not. */
  prompt(text: string): Promise<void>;
  steer?(text: string): Promise<void>;
  /** Tells the agent to end its turn; `open` names the requests that wait for an answer. */
  interrupt(open: readonly string[]): Promise<void>;
  answer(key: string, answer: CheckedAnswer): Promise<void>;
  /** Nobody goes on with the conversation: gives up what is kept of it elsewhere. */
  retire?(): Promise<void>;
  /** The process is gone: what waits for it fails. */
  ended(error: Error): void;
}

/** What an agent told of a conversation that it has opened. */
export interface OpenedSession {
  readonly nativeSessionId: string;
  readonly model?: string | undefined;
  readonly agentVersion?: string | undefined;
  /** What it says of itself, where that is less or more than its version promised. */
  readonly capabilities?: Partial<AgentCapabilities>;
}

/** What a driver works with. */
export interface DriverPort {
  readonly clock: Clock;
  readonly limits: AgentLimits;
  /** Sends one frame; resolves when the agent takes more. */
  write(frame: unknown): Promise<void>;
  tell(news: readonly News[]): void;
  /** A frame of a known kind with a content that cannot be. */
  complain(message: string): void;
}
