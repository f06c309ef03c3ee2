export { EventSource, StreamErrorEvent, type EventSourceOptions } from "./event-source.ts";
export { NOFXClient, NOFXError } from "./nofx-client.ts";
export type {
  Artifact,
  CreateRunOptions,
  Event,
  ListRunsOptions,
  Plan,
  Run,
  RunDetails,
  StandardOptions,
  Step,
  StepDetails,
} from "./types.ts";
