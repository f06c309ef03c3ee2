import * as z from "zod";

import type { AgentAdapter } from "../agent-session.ts";
import { AcpDriver } from "../acp/acp-driver.ts";
import type { AcpPromptResponse } from "../acp/acp-frames.ts";
import { capabilitiesAt } from "../capabilities.ts";
import { systemClock } from "../clock.ts";
import { createAdapter } from "../session/create-adapter.ts";
import type { UsageNews } from "../session/news.ts";
import { GEMINI_CAPABILITIES } from "./gemini-capabilities.ts";
import { geminiLaunch } from "./gemini-launch.ts";
import { prepareGeminiSession } from "./prepare-gemini.ts";

/** Google's Gemini CLI, over ACP. Options: `GeminiOptions`. */
export const geminiCliAdapter: AgentAdapter = createAdapter({
  provider: "gemini_cli",
  memoryFiles: ["GEMINI.md", "AGENTS.md"],
  takesInstructions: false,
  capabilities: (version) => capabilitiesAt(GEMINI_CAPABILITIES, version),
  plan: (spec) => geminiLaunch(spec),
  prepare: async ({ home, clock = systemClock }, { load }) => {
    if (load !== undefined) await prepareGeminiSession(home, load, clock.now());
  },
  connect: (port, spec, opening) =>
    new AcpDriver(port, spec, opening, {
      usageOf: usageOfMeta,
      isModelChosen: true,
      titlesAreCommands: true,
      tellsHistoryLate: true,
    }),
});

/** Gemini CLI tells the tokens of a turn in a field of its own. Pure. */
function usageOfMeta({ _meta }: AcpPromptResponse): Pick<UsageNews, "counts" | "usage"> | undefined {
  const counted = QuotaSchema.safeParse(_meta).data?.quota.token_count;
  return (
    counted && { counts: "step", usage: { inputTokens: counted.input_tokens, outputTokens: counted.output_tokens } }
  );
}

const QuotaSchema = z.object({
  quota: z.object({ token_count: z.object({ input_tokens: z.int().min(0), output_tokens: z.int().min(0) }) }),
});
