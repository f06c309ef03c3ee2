import type { AgentScriptInput } from "@signalbox/protocol/agent-script";

/** What is played without a script: a plan, a file that it asks to write, and a word about it. For demos and fake modes. */
export const DEFAULT_SCRIPT: AgentScriptInput = {
  turns: [
    {
      steps: [
        { do: "think", text: "I have been asked: {prompt}" },
        {
          do: "plan",
          entries: [{ text: "Write the report", status: "in_progress" }, { text: "Tell what was done" }],
        },
        { do: "say", text: "I will write report-{turn}.md.", pauseMs: 20 },
        {
          do: "write",
          path: "report-{turn}.md",
          text: "# Report\n\nAsked for:\n\n{prompt}\n\nThis was written by the scripted agent, which asks no model.\n",
          allow: [{ do: "say", text: "The report is written.", pauseMs: 20 }],
          deny: [{ do: "say", text: "You did not let me write the report, so I leave it.", pauseMs: 20 }],
        },
        {
          do: "plan",
          entries: [
            { text: "Write the report", status: "completed" },
            { text: "Tell what was done", status: "completed" },
          ],
        },
        { do: "usage", inputTokens: 1200, outputTokens: 80, cachedInputTokens: 1000, contextTokens: 1280 },
      ],
    },
  ],
};
