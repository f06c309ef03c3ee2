import { describe, expect, it } from "vitest";

import { showFolders, spellInside } from "./shown-program.ts";

describe("the program of an agent in a sandbox", () => {
  it("is shown where it is, and moved where the workspace would cover it", () => {
    expect(showFolders(["/opt/agents/codex", "/work/agents", "/workshop"])).toEqual([
      { source: "/opt/agents/codex" },
      { source: "/work/agents", target: "/run/signalbox-agent/agents" },
      { source: "/workshop" },
    ]);
  });

  it("is started by the path that it has inside", () => {
    const binds = [{ source: "/work/node", target: "/opt/signalbox-node" }, ...showFolders(["/work/agents", "/opt/x"])];

    const argv = spellInside(["/work/node/bin/node", "/work/agents/main.ts", "/opt/x/y", "--flag", "/work"], binds);

    expect(argv).toEqual([
      "/opt/signalbox-node/bin/node",
      "/run/signalbox-agent/agents/main.ts",
      "/opt/x/y",
      "--flag",
      "/work",
    ]);
  });
});
