import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { adapterOf } from "../src/index.ts";
import type { InstallableProvider } from "../src/install/index.ts";
import { eventsOf } from "./support/conversation.ts";
import { realAgent, realLab } from "./support/real-agent.ts";

const MARK = "Use tabs, says the workspace.";
const PROVIDERS: readonly InstallableProvider[] = ["codex", "claude_code", "gemini_cli"];

for (const provider of PROVIDERS) {
  const agent = await realAgent(provider);

  describe.skipIf(!agent)(`what a workspace has for ${provider} to know`, () => {
    // The runner reads it, bounded and behind no link, and tells it: twice would be once too often.
    it.each(["write", "keep"] as const)(
      "is not read by itself, where our configuration is: %s",
      async (configuration) => {
        if (!agent) throw new Error("left out");
        await using lab = await realLab(agent, adapterOf(provider));
        execFileSync("git", ["init", "--quiet", lab.workspace]);
        for (const name of ["AGENTS.md", "CLAUDE.md", "GEMINI.md"]) await writeFile(`${lab.workspace}/${name}`, MARK);
        await using conversation = await lab.start({ configuration });

        const turn = await conversation.turn(lab.prompt({ task: "say", text: "fine" }));

        expect(eventsOf(turn, "turn.ended")).toMatchObject([{ status: "completed" }]);
        expect(lab.heard()).not.toContain(MARK);
      },
    );

    it("names the files that are told instead", () => {
      const { memoryFiles = ["AGENTS.md"] } = adapterOf(provider);

      expect(memoryFiles).toContain("AGENTS.md");
    });
  });
}
