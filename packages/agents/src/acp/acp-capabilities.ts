import type { CapabilityHistory } from "../capabilities.ts";

/**
 * What an agent can be counted on to do over ACP. Whether it loads conversations it says itself when it starts; what else it
 * can do, ACP has no word for: plans, thoughts and usage come where they come.
 */
export const ACP_CAPABILITIES: CapabilityHistory = [
  {
    from: "0.0.0",
    is: {
      thoughts: true,
      plan: true,
      turnDiff: false,
      commandOutput: "end",
      denyContinues: true,
      denyReason: false,
      editInput: false,
      allowForSession: true,
      questions: true,
      steer: false,
      resume: "load",
      chosenSessionId: false,
      usage: "turn",
      cost: true,
      failures: "typed",
      terminal: "none",
      workspace: "given",
    },
  },
];
