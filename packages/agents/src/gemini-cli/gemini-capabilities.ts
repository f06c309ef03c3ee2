import type { CapabilityHistory } from "../capabilities.ts";

/** What Gemini CLI can do over ACP. The contract tests run the pinned version. */
export const GEMINI_CAPABILITIES: CapabilityHistory = [
  {
    from: "0.60.0",
    is: {
      thoughts: true,
      // Its list of things to do is a tool like another.
      plan: false,
      turnDiff: false,
      commandOutput: "none",
      denyContinues: true,
      denyReason: false,
      editInput: false,
      allowForSession: true,
      questions: false,
      steer: false,
      resume: "load",
      chosenSessionId: false,
      usage: "turn",
      cost: false,
      failures: "typed",
      terminal: "separate",
      workspace: "given",
    },
  },
];
