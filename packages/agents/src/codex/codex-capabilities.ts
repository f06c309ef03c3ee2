import type { CapabilityHistory } from "../capabilities.ts";

/** What codex can do over `codex app-server`. The contract tests run the pinned version. */
export const CODEX_CAPABILITIES: CapabilityHistory = [
  {
    from: "0.151.0",
    is: {
      thoughts: true,
      plan: true,
      turnDiff: true,
      commandOutput: "live",
      denyContinues: true,
      denyReason: false,
      editInput: false,
      allowForSession: true,
      // Its protocol has them, for its plan mode, which is not used here.
      questions: false,
      steer: true,
      resume: "load",
      chosenSessionId: false,
      usage: "step",
      cost: false,
      failures: "typed",
      terminal: "shared",
      workspace: "given",
    },
  },
];
