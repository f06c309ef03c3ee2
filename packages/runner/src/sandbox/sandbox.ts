/** What keeps a step away from the machine that it runs on. */
export interface Sandbox {
  readonly name: "bubblewrap" | "none";
  /** What holds and what does not, to be shown to the operator and recorded with each attempt. */
  readonly description: SandboxDescription;
  /** Turns a step's command into the one to spawn. Throws `UnsafeCommandError`; starts nothing. */
  wrap(command: SandboxCommand): WrappedCommand;
}

/** The protection in force, in words that a policy can compare. */
export interface SandboxDescription {
  readonly engine: "bubblewrap" | "none";
  readonly version?: string;
  /** What a step has that was granted nothing. */
  readonly network: "none" | "host";
  /** "workspace": its workspace, the system's programs read-only, and scratch space. "host": all that the user can. */
  readonly filesystem: "workspace" | "host";
  readonly limits: {
    /** The most bytes in each of /tmp, /run, /dev/shm and the home; null where nothing limits them. */
    readonly scratchBytes: number | null;
  };
  /** Why it is not a better one. */
  readonly reason?: string;
}

/** A step's command, as the step means it. */
export interface SandboxCommand {
  readonly argv: readonly string[];
  /** Where it starts, relative to the workspace. Default: the workspace itself. */
  readonly cwd?: string;
  /** All of its environment; nothing of the runner's is added. PATH and TERM have defaults, HOME is the sandbox's. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder on this machine that the step may change. */
  readonly workspace: string;
  /** What else of this machine it may read: toolchains, caches. Default none. */
  readonly readOnlyBinds?: readonly ReadOnlyBind[];
  /** A folder of this machine that it may change, at the same place inside, with its home below it. Default: a scratch home. */
  readonly own?: { readonly folder: string; readonly home: string };
  /** "host" only where the step was granted it. */
  readonly network: "none" | "host";
  /** Whether its input is a terminal that it is to claim; without one it is cut off from the runner's. */
  readonly pty: boolean;
  /** Workspace paths that the step may not write, whether they exist yet or not. Default none. */
  readonly protectedPaths?: readonly ProtectedPath[];
  /** A unix socket of the runner, seen inside as `EGRESS_SOCKET_PATH`. Default none. */
  readonly egressSocket?: string;
}

/** A path of this machine to show inside, at the same place unless `target` says otherwise. Both are absolute. */
export interface ReadOnlyBind {
  readonly source: string;
  readonly target?: string;
}

/** A path of the workspace that a step may not write. */
export interface ProtectedPath {
  /** Relative to the workspace. */
  readonly path: string;
  /** What stands there, or is kept from being made there. */
  readonly kind: "file" | "directory";
  /** What the step sees: what is there, or nothing, for content that nobody has approved. What is absent is empty. */
  readonly as: "read-only" | "empty";
}

/** What to spawn, with exactly this environment. */
export interface WrappedCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** How many processes at the top of the tree are the sandbox's own: asking them to end kills the rest at once. */
  readonly supervisors: number;
}

/** Where the workspace is inside a sandbox: the same for every attempt, so that caches and stored paths agree. */
export const WORKSPACE_PATH = "/work";

/** Where a step finds the runner's egress proxy, if it has one. */
export const EGRESS_SOCKET_PATH = "/run/egress.sock";
