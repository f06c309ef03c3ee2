import type { AgentScriptInput } from "@signalbox/agents/scripted-agent";

/** What the agents of a crowd are told first, and when all are there. */
export const HELLO = "Say hello.";
export const TALK = "Now talk.";

const TALK_WORDS = 50;
const TALK_PAUSE_MS = 100;

const script: AgentScriptInput = {
  turns: [
    { when: TALK, steps: [{ do: "say", text: "word ".repeat(TALK_WORDS), pauseMs: TALK_PAUSE_MS }] },
    { steps: [{ do: "say", text: "Hello from the scripted agent." }] },
  ],
};

/** What they play, as JSON. */
export const CROWD_SCRIPT = JSON.stringify(script);
