import type { CapabilityHistory } from "../capabilities.ts";

/** What Claude Code can do over its control protocol. The contract tests run the pinned version. */
export const CLAUDE_CAPABILITIES: CapabilityHistory = [
  {
    from: "2.1.0",
    is: {
      thoughts: true,
      plan: true,
      turnDiff: false,
      commandOutput: "end",
      denyContinues: true,
      denyReason: true,
      editInput: true,
      allowForSession: true,
      questions: true,
      steer: false,
      resume: "load",
      chosenSessionId: true,
      usage: "step",
      cost: true,
      failures: "typed",
      terminal: "separate",
      workspace: "given",
    },
  },
];
