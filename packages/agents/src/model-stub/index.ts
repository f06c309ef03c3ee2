export type { ToolResult } from "./conversation.ts";
export type { DialectName, NewId } from "./dialect.ts";
export { startModelStub } from "./model-stub.ts";
export type { ModelStub, ModelStubOptions } from "./model-stub.ts";
export type { RecordedRequest, RequestOutcome } from "./recorded-request.ts";
export { DEFAULT_STUB_USAGE } from "./reply.ts";
export {
  ModelStepSchema,
  scenarioIn,
  ScenarioSchema,
  stubPrompt,
  StubUsageSchema,
  ToolIntentSchema,
} from "./scenario.ts";
export type { ModelStep, Scenario, ScenarioInput, StubUsage, ToolIntent } from "./scenario.ts";
export { STUB_LIMITS } from "./stub-limits.ts";
