import type { AgentStartSpec } from "../agent-session.ts";
import type { AgentCapabilities } from "../capabilities.ts";
import type { AgentCommand } from "../process/agent-process.ts";
import type { ConfigurationFile } from "../write-configuration.ts";
import type { AgentDriver, DriverPort } from "./agent-driver.ts";

/** What an adapter brings; `createAdapter` makes the rest. */
export interface AgentProtocol {
  readonly provider: string;
  /** As in `AgentAdapter`. */
  readonly memoryFiles?: readonly string[];
  /** Whether the agent is given the instructions of a spec by its launch or its driver; else they go before a prompt. */
  readonly takesInstructions: boolean;
  capabilities(version: string): AgentCapabilities;
  /** What to run and which files it finds. Throws `INVALID_SPEC`. Pure. */
  plan(spec: AgentStartSpec, opening: Opening): LaunchPlan;
  /** What must be done in the agent's home before it loads a conversation. */
  prepare?(spec: AgentStartSpec, opening: Opening): Promise<void>;
  connect(port: DriverPort, spec: AgentStartSpec, opening: Opening): AgentDriver;
}

/** Which conversation a process opens. */
export interface Opening {
  /** An earlier one to load; otherwise a new one. */
  readonly load: string | undefined;
  /** The name of a new one, for agents that let it be chosen. */
  readonly newId: string;
}

/** How an agent is launched. */
export interface LaunchPlan {
  readonly command: AgentCommand;
  /** Below its home or its folder for temporary files; with `configuration: "keep"` none in its home. */
  readonly files: readonly ConfigurationFile[];
}
