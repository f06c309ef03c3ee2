export { createAcpAdapter, type AcpAgent, type AcpOptions } from "./acp/acp-adapter.ts";
export { ADAPTERS, adapterOf } from "./adapters.ts";
export {
  AgentEventSchema,
  AgentFailureSchema,
  FAILURE_CODES,
  FileChangeSchema,
  TOOL_KINDS,
  type AgentEvent,
  type AgentEventOf,
  type AgentEventType,
  type AgentFailure,
  type ApprovalOption,
  type FileChange,
  type ToolKind,
} from "./agent-event.ts";
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
export { AgentCapabilitiesSchema, type AgentCapabilities } from "./capabilities.ts";
export { claudeCodeAdapter } from "./claude-code/claude-adapter.ts";
export type { ClaudeOptions } from "./claude-code/claude-launch.ts";
export type { Clock, Timer } from "./clock.ts";
export { codexAdapter } from "./codex/codex-adapter.ts";
export { codexCatalog, type CodexCatalogRequest } from "./codex/codex-catalog.ts";
export type { CodexOptions } from "./codex/codex-config.ts";
export { displayText, type DisplayTextOptions } from "./display-text.ts";
export { AGENT_ERRORS, AgentError, isAgentError, type AgentErrorCode } from "./errors.ts";
export { geminiCliAdapter } from "./gemini-cli/gemini-adapter.ts";
export type { GeminiOptions } from "./gemini-cli/gemini-launch.ts";
export { AGENT_LIMITS, agentLimits, type AgentLimit, type AgentLimits } from "./limits.ts";
export { omnaraAdapter } from "./omnara/omnara-adapter.ts";
export { OmnaraOptionsSchema, type OmnaraOptions } from "./omnara/omnara-options.ts";
export type { AgentCommand, AgentExit, AgentProcess, SpawnAgent } from "./process/agent-process.ts";
export { SESSION_VARIABLE, spawnAgentProcess } from "./process/spawn-agent-process.ts";
export { scriptedAdapter, type ScriptedOptions } from "./scripted-agent/scripted-adapter.ts";
export { TranscriptBuilder } from "./transcript-builder.ts";
export { bootstrapPreface, transcriptOf, type Transcript, type TranscriptEntry } from "./transcript.ts";
