import type { AgentAdapter, AgentLimits, AgentProgram, ModelEndpoint } from "@signalbox/agents";

/** An agent that this machine has, and how its owner wants it used. */
export interface AvailableAgent {
  readonly adapter: AgentAdapter;
  readonly program: AgentProgram;
  /** Folders that hold the program, for the sandbox to show. */
  readonly folders: readonly string[];
  /** Where it reaches its model. Without one it uses the login that the owner made in `home`. */
  readonly endpoint?: ModelEndpoint;
  /** A home of the owner's, with a login; it is used as it is. Default: one for each session. */
  readonly home?: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Whether it plays what a step has as its script, where others think. Default false. */
  readonly playsScripts?: boolean;
  /** Durations and sizes of its sessions that are not the usual ones. */
  readonly limits?: Partial<AgentLimits>;
}

/** The agents of this machine, by provider. */
export type AgentCatalog = ReadonlyMap<string, AvailableAgent>;
