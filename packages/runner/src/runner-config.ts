import type { ProviderId } from "@signalbox/protocol";

import type { GitAccessSettingsInput } from "./git-access/git-access-settings.ts";
import type { Logger } from "./logger.ts";
import type { RunnerPolicyInput } from "./policy/policy.ts";
import type { PublishSettingsInput } from "./publish/publish-settings.ts";
import type { AgentCatalog } from "./session/agent-catalog.ts";
import type { Clock } from "./process/clock.ts";
import type { WorkspaceLimits } from "./workspace/choose-leftovers.ts";

/** What a runner is told; only the first two must be. */
export interface RunnerConfig {
  /** https, or http to this machine. */
  readonly serverUrl: string;
  /** Key, spool and workspaces live here; one process at a time may use it. */
  readonly dataDir: string;
  /** Needed once, before the machine has an identity. */
  readonly enrolmentToken?: string | undefined;
  /** Attempts at once. Default 5. */
  readonly slots?: number | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  /** Agent providers whose programs are there. Default the scripted one. */
  readonly providers?: readonly string[];
  /** The agents that sessions can be opened with here. Default the scripted one. */
  readonly agents?: AgentCatalog;
  /** The one of them that works on steps with the tool `codegen`. Default the scripted one. */
  readonly codegenProvider?: ProviderId | undefined;
  readonly features?: readonly string[];
  readonly runtimeVersions?: Readonly<Record<string, string>>;
  /** What the owner of the machine lets happen on it. Default: everything but repositories on its own disk. */
  readonly policy?: RunnerPolicyInput | undefined;
  /** What the owner of the machine lets be published from it, and as whom. Default: nothing. */
  readonly publish?: PublishSettingsInput | undefined;
  /** How git reaches repositories that not everybody may read. Default: as the user that the runner runs as, by ssh alone. */
  readonly git?: GitAccessSettingsInput | undefined;
  /** Default "auto": the best there is. "required": the runner does not start without one. */
  readonly sandbox?: "auto" | "required" | "none";
  /** This machine's environment, of which `policy.env` lets some through. Default: none of it. */
  readonly hostEnvironment?: Readonly<Record<string, string | undefined>>;
  /** Where steps look for programs. Default: the folder of this Node, and the system's. */
  readonly path?: string | undefined;
  /** Folders of this machine that steps may read in their sandbox: toolchains, caches. */
  readonly readOnlyPaths?: readonly string[];
  /** A cgroup (version 2) that the runner may divide. */
  readonly cgroupParent?: string | undefined;
  /** Per attempt: the most bytes on disk (default 64 MiB), and from where on the process waits (default half of it). */
  readonly spool?: { readonly maxBytes?: number; readonly pauseBytes?: number };
  readonly workspaces?: Partial<WorkspaceLimits>;
  readonly clock?: Clock;
  /** From 0 up to 1. */
  readonly random?: () => number;
  readonly logger?: Logger;
}
