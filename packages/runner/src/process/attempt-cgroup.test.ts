import { randomUUID } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { AttemptCgroup } from "./attempt-cgroup.ts";
import { AttemptProcess } from "./attempt-process.ts";
import { systemClock } from "./clock.ts";

const cgroupParent = writableCgroup();

describe("AttemptCgroup", () => {
  // Seen red without `cgroup.kill`: a process that wiped its environment and lost its parent is found by nothing else.
  it("reaches a process that wiped its environment and detached", async ({ skip }) => {
    if (!cgroupParent)
      return skip("this machine offers no writable cgroup of version 2: the kill by cgroup is not proven here");
    const token = randomUUID();
    const wipe = `env -i PATH=$PATH setsid sh -c 'setsid sh -c "while :; do sleep 1; done" ${token} &'; echo gone; sleep 1000`;
    const attempt = await AttemptProcess.spawn({
      attemptId: `att_${token}`,
      command: { argv: ["sh", "-c", wipe], env: { PATH: "/usr/bin:/bin" }, cwd: "/" },
      clock: systemClock,
      cgroupParent,
    });
    await attempt.stdout.bytes[Symbol.asyncIterator]().next();
    await eventually(() => living(token).length > 0);

    const exit = await attempt.terminate(0);

    expect(living(token)).toEqual([]);
    expect(exit.survivors).toEqual([]);
    expect(existsSync(`${cgroupParent}/attempt-att_${token}`)).toBe(false);
  });

  it("still names a missing program when it is entered by way of a shell", async ({ skip }) => {
    if (!cgroupParent) return skip("this machine offers no writable cgroup of version 2");
    const command = { argv: ["absent-program"], env: { PATH: "/usr/bin:/bin" }, cwd: "/" };

    const spawning = AttemptProcess.spawn({ attemptId: "att_absent", command, clock: systemClock, cgroupParent });

    await expect(spawning).rejects.toMatchObject({ code: "missing_dependency" });
  });

  it("is not made where the parent is no cgroup", async () => {
    await using dir = await tempDir();

    expect(await AttemptCgroup.create(dir.path, "att_1")).toBeUndefined();
    expect(readdirSync(dir.path)).toEqual([]);
  });
});

/** Where this machine's cgroups of version 2 are mounted, if a test may make one there. */
function writableCgroup(): string | undefined {
  const mount = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .find((line) => line.split(" ")[2] === "cgroup2");
  const directory = mount?.split(" ")[1];
  try {
    accessSync(directory ?? "", constants.W_OK);
    return directory;
  } catch {
    return undefined;
  }
}

function living(token: string): string[] {
  return readdirSync("/proc").filter(
    (pid) => /^\d+$/.test(pid) && commandLine(pid).includes(token) && !commandLine(pid).includes("echo gone"),
  );
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}
