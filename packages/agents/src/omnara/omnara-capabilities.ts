import type { CapabilityHistory } from "../capabilities.ts";

/**
 * What Omnara's published API lets an agent do. It works on machines of Omnara's: there is no terminal to share, and what it
 * changes is not in the workspace here. Tokens are told in previews only, which Omnara does not promise to deliver.
 */
export const OMNARA_CAPABILITIES: CapabilityHistory = [
  {
    from: "0.0.0",
    is: {
      thoughts: true,
      plan: false,
      turnDiff: false,
      commandOutput: "end",
      denyContinues: true,
      denyReason: true,
      editInput: false,
      allowForSession: false,
      questions: true,
      steer: true,
      resume: "resume",
      chosenSessionId: false,
      usage: "step",
      cost: false,
      failures: "typed",
      terminal: "none",
      workspace: "own",
    },
  },
];
