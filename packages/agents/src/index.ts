export type { AgentEvent, AgentEventOf } from "./agent-event.ts";
export type {
  AgentAdapter,
  AgentProgram,
  AgentSession,
  AgentStartSpec,
  Answers,
  Decision,
  ModelEndpoint,
  ResumeSpec,
} from "./agent-session.ts";
export type { AgentCapabilities } from "./capabilities.ts";
export { displayText } from "./display-text.ts";
export { AgentError, isAgentError } from "./errors.ts";
export type { AgentErrorCode } from "./errors.ts";
export type { AgentCommand, AgentExit, AgentProcess, SpawnAgent } from "./process/agent-process.ts";
