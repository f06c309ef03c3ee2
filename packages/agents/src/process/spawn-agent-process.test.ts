import { existsSync, readFileSync } from "node:fs";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { isAlive } from "../../test/support/agent-lab.ts";
import type { AgentCommand } from "./agent-process.ts";
import { SESSION_VARIABLE, spawnAgentProcess } from "./spawn-agent-process.ts";

function command(script: string, cwd: string): AgentCommand {
  const env = { PATH: "/usr/bin:/bin", [SESSION_VARIABLE]: `${cwd}-session` };
  return { argv: ["/bin/sh", "-c", script], env, cwd };
}

async function pidIn(file: string): Promise<number> {
  return Number(await eventually(() => existsSync(file) && readFileSync(file, "utf8").trim()));
}

describe("spawnAgentProcess", () => {
  it("gives a process its environment and no other", async () => {
    await using dir = await tempDir();
    // No shell: it would add variables of its own.
    const agent = await spawnAgentProcess({ ...command("", dir.path), argv: ["/bin/cat"] });

    const environ = readFileSync(`/proc/${agent.pid}/environ`, "utf8").split("\0").filter(Boolean);

    expect(environ.sort()).toEqual(["PATH=/usr/bin:/bin", `${SESSION_VARIABLE}=${dir.path}-session`]);
    agent.stdin.end();
    expect(await agent.exited).toEqual({ code: 0, signal: null });
  });

  it("rejects what cannot be started", async () => {
    await using dir = await tempDir();

    await expect(spawnAgentProcess({ argv: ["/no/such/agent"], env: {}, cwd: dir.path })).rejects.toThrow("ENOENT");
    await expect(spawnAgentProcess({ argv: ["/bin/sh"], env: {}, cwd: "/no/such/folder" })).rejects.toThrow("ENOENT");
  });

  it("kills what left the session and lost its parent", async () => {
    await using dir = await tempDir();
    const script = `setsid sh -c 'setsid sleep 300 & echo $! > stray; sleep 300' & wait`;
    const agent = await spawnAgentProcess(command(script, dir.path));
    const stray = await pidIn(dir.file("stray"));
    process.kill(agent.pid ?? 0, "SIGKILL");
    await agent.exited;

    expect(await agent.killTree()).toEqual([]);

    expect(isAlive(stray)).toBe(false);
  });

  it("kills also what wiped its environment, when it was seen before it lost its parent", async () => {
    await using dir = await tempDir();
    const script = `setsid env -i /bin/sh -c 'echo $$ > ${dir.file("stray")}; exec /bin/sleep 300' & trap 'exit 0' TERM; wait; wait`;
    const agent = await spawnAgentProcess(command(script, dir.path));
    const stray = await pidIn(dir.file("stray"));

    await agent.askToEnd();
    await agent.exited;
    expect(isAlive(stray)).toBe(true);
    await agent.killTree();

    expect(isAlive(stray)).toBe(false);
  });

  it("leaves others alone", async () => {
    await using dir = await tempDir();
    const [one, other] = [dir.path, `${dir.path}/..`].map((cwd) => spawnAgentProcess(command("exec sleep 300", cwd)));

    await (await one)?.killTree();

    expect(isAlive((await other)?.pid ?? 0)).toBe(true);
    await (await other)?.killTree();
  });
});
