import { join } from "node:path";
import { claimTerminal } from "./claim-terminal.ts";
import type { Sandbox, SandboxCommand, SandboxDescription, WrappedCommand } from "./sandbox.ts";
import { stepEnvironment } from "./step-environment.ts";
import { workspaceRelative } from "./workspace-relative.ts";

/**
 * No protection but an environment from empty: the step runs as the runner's own user, with its files and its network,
 * whatever the command asks. HOME is the step's own or the workspace.
 */
export class NoSandbox implements Sandbox {
  readonly name = "none";
  readonly description: SandboxDescription;

  /** `reason` says why there is nothing better. */
  constructor(reason: string) {
    this.description = { engine: "none", network: "host", filesystem: "host", limits: { scratchBytes: null }, reason };
  }

  wrap({ argv, env, workspace, cwd = ".", pty }: SandboxCommand): WrappedCommand {
    return {
      argv: pty ? claimTerminal(argv, OWN_INPUT) : argv,
      env: stepEnvironment(env, env["HOME"] ?? workspace),
      cwd: join(workspace, workspaceRelative(cwd)),
      supervisors: 0,
    };
  }
}

const OWN_INPUT = "/proc/self/fd/0";
