import * as z from "zod";

/**
 * What an agent can do through its adapter. Decisions look here and never at the name of the provider. Declared per
 * adapter and version, and narrowed by what the agent says of itself when it starts.
 */
export const AgentCapabilitiesSchema = z.object({
  thoughts: z.boolean(),
  plan: z.boolean(),
  /** A diff of all that a turn has changed. */
  turnDiff: z.boolean(),
  /** When the output of a command is told: while it runs, at its end, or never. */
  commandOutput: z.enum(["live", "end", "none"]),
  /** After a denial the agent goes on with its turn; otherwise a denial ends it. */
  denyContinues: z.boolean(),
  /** The reason of a denial reaches the model. */
  denyReason: z.boolean(),
  /** An approval may change what the tool is given. */
  editInput: z.boolean(),
  /** "Allow all like it in this session" is among the answers. */
  allowForSession: z.boolean(),
  questions: z.boolean(),
  /** Words can be put into a turn that goes on. */
  steer: z.boolean(),
  /** How an earlier conversation comes back: with its history read again, without, or not at all. */
  resume: z.enum(["load", "resume", "none"]),
  /** The name of a new conversation can be given to the agent, and is then known before it starts. */
  chosenSessionId: z.boolean(),
  usage: z.enum(["step", "turn", "none"]),
  cost: z.boolean(),
  /** How a failure of the model is told: typed, or as text in a turn that looks complete. */
  failures: z.enum(["typed", "text"]),
  /** What a person can have: the same conversation in a terminal, a terminal of its own after a pause, or none. */
  terminal: z.enum(["shared", "separate", "none"]),
  /** Where it works: in the workspace that it is given, or on a machine of its own, which has nothing of that. */
  workspace: z.enum(["given", "own"]).default("given"),
});
export type AgentCapabilities = z.infer<typeof AgentCapabilitiesSchema>;

/** What holds from a version on, in ascending order; each row changes the ones before. */
export type CapabilityHistory = readonly [
  { readonly from: string; readonly is: AgentCapabilities },
  ...{ readonly from: string; readonly is: Partial<AgentCapabilities> }[],
];

/** The capabilities of a version. One older than the first row, or unreadable, counts as the first. */
export function capabilitiesAt(history: CapabilityHistory, version: string): AgentCapabilities {
  const [first, ...changes] = history;
  return changes
    .filter(({ from }) => compareVersions(version, from) >= 0)
    .reduce((known, { is }) => ({ ...known, ...is }), first.is);
}

/** Order of `major.minor.patch`, whatever comes after; a part that is no number counts as 0. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [partsOf(one), partsOf(other)];
  for (const [index, part] of left.entries()) {
    const difference = part - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): readonly number[] {
  const [major, minor, patch] = version.split(/[.+-]/).map((part) => Number.parseInt(part, 10) || 0);
  return [major ?? 0, minor ?? 0, patch ?? 0];
}
