import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { eventually, tempDir } from "@signalbox/testkit";
import type { TempDir } from "@signalbox/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AttemptProcess } from "../process/attempt-process.ts";
import { systemClock } from "../process/clock.ts";
import { detectSandbox } from "./detect-sandbox.ts";
import { nodeToolchain } from "./node-toolchain.ts";
import { AGENT_CONFIGURATION_PATHS } from "./protected-paths.ts";
import type { Sandbox, SandboxCommand } from "./sandbox.ts";

const MIB = 1024 * 1024;
let dir: TempDir;
let sandbox: Sandbox;

beforeAll(async () => {
  dir = await tempDir();
  sandbox = await detectSandbox({ mode: "auto", supportDirectory: dir.file("support"), scratchBytes: MIB });
  await mkdir(dir.file("workspace"));
});
afterAll(() => dir[Symbol.asyncDispose]());

describe("BubblewrapSandbox", () => {
  // On a machine without bubblewrap each test is reported as skipped, with the reason.
  beforeEach(({ skip }) => {
    if (sandbox.name !== "bubblewrap") skip(`not proven here: ${sandbox.description.reason}`);
  });

  it("shows the workspace at /work, and no other file of the machine", async () => {
    await writeFile(dir.file("canary"), "host only");

    const { stdout, exitCode } = await runIn(
      `pwd; echo made > inside; cat ${dir.file("canary")} || cat /etc/shadow || ls /root`,
    );

    expect(stdout).toBe("/work\n");
    expect(exitCode).not.toBe(0);
    expect(await readFile(dir.file("workspace", "inside"), "utf8")).toBe("made\n");
  });

  // Seen red without `--remount-ro /` and with `--bind` in the place of `--ro-bind`.
  it("lets a step write nowhere but to its workspace and its scratch space", async () => {
    await mkdir(dir.file("shown"), { recursive: true });
    const places = ["/", "/usr", "/etc", "/dev", dir.file("shown"), "/work", "/tmp", "/run", "/dev/shm", "/home/agent"];

    const { stdout } = await runIn(`for p in ${places.join(" ")}; do touch $p/probe 2>&- && echo $p; done`, {
      readOnlyBinds: [{ source: dir.file("shown") }],
    });

    expect(stdout.trim().split("\n")).toEqual(["/work", "/tmp", "/run", "/dev/shm", "/home/agent"]);
  });

  it("limits the scratch space", async () => {
    const { stdout } = await runIn(
      `for p in /tmp /run /dev/shm $HOME; do head -c ${2 * MIB} /dev/zero > $p/x || echo full; done`,
    );

    expect(stdout).toBe("full\n".repeat(4));
  });

  // Seen red without `--unshare-net`.
  it("refuses the network, unless the step was granted it", async () => {
    await using server = await listening();
    const connect = `exec 3<>/dev/tcp/127.0.0.1/${server.port} && echo connected`;

    const refused = await runIn(connect, { shell: "bash", network: "none" });
    const granted = await runIn(connect, { shell: "bash", network: "host" });

    expect(refused.stdout).toBe("");
    expect(granted.stdout).toBe("connected\n");
  });

  // Seen red when the child is spawned with the runner's own environment.
  it("gives a step its own variables and defaults, and none of the runner's", async () => {
    const { stdout } = await runIn("env", { shell: "/usr/bin/env", env: { NAMED: "yes", LD_PRELOAD: "" } });

    const names = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    expect(new Set(names)).toEqual(
      new Set(["HOME", "LD_PRELOAD", "NAMED", "PATH", "PWD", "SIGNALBOX_ATTEMPT", "TERM"]),
    );
    expect(stdout).toContain("HOME=/home/agent\n");
  });

  it("keeps values out of arguments, and loader variables away from bubblewrap itself", async () => {
    const command = { ...commandFor("true"), env: { TOKEN: "very-secret", LD_PRELOAD: "/work/evil.so" } };

    const { argv, env } = sandbox.wrap(command);

    expect(argv.join(" ")).not.toContain("very-secret");
    expect(env["TOKEN"]).toBe("very-secret");
    expect(env).not.toHaveProperty("LD_PRELOAD");
  });

  it("hides the machine's processes and refuses further namespaces and capabilities", async () => {
    const { stdout } = await runIn(
      `ls -d /proc/[0-9]* | wc -l; unshare -U true || echo refused; grep CapEff /proc/self/status`,
    );

    const [count, unshare, capabilities] = stdout.trim().split("\n");
    expect(Number(count)).toBeLessThan(6);
    expect(unshare).toBe("refused");
    expect(capabilities).toMatch(/\t0+$/);
  });

  // Seen red without `--new-session`.
  it("takes a step without a terminal out of the runner's session, and leaves one with a terminal in its own", async () => {
    const session = `cut -d' ' -f6 /proc/self/stat`;

    const [without, withTerminal] = [await runIn(session, { pty: false }), await runIn(session, { pty: true })];

    expect(Number(without.stdout)).toBeGreaterThan(0);
    expect(Number(withTerminal.stdout)).toBe(0);
  });

  it("runs the Node in use, as a user with a name", async () => {
    const { readOnlyBinds, binDirectory } = nodeToolchain(process.execPath);

    const { stdout } = await runIn(`node -p 'process.version + os.userInfo().username'`, {
      readOnlyBinds,
      env: { PATH: `${binDirectory}:/usr/bin:/bin` },
    });

    expect(stdout).toBe(`${process.version}agent\n`);
  });

  // Seen red when absent paths are left out, and when the folders above are not pinned.
  it("keeps protected paths from being written, made, renamed or replaced", async () => {
    const workspace = dir.file("guarded");
    await mkdir(`${workspace}/.claude/agents`, { recursive: true });
    await writeFile(`${workspace}/.claude/settings.json`, "approved");
    await writeFile(`${workspace}/.env`, "unapproved");
    const protectedPaths = [
      { path: ".claude/settings.json", kind: "file", as: "read-only" },
      { path: ".claude/absent.json", kind: "file", as: "read-only" },
      { path: ".vscode/deep/tasks.json", kind: "file", as: "read-only" },
      ...AGENT_CONFIGURATION_PATHS.filter(({ path }) => path !== ".claude"),
    ] as const;

    const { stdout } = await runIn(
      `cat .claude/settings.json .env; exec 2>&-
       for f in .claude/settings.json .claude/absent.json .vscode/deep/tasks.json .codex/config .mcp.json .env; do
         mkdir -p $(dirname $f); echo evil > $f; rm -f $f; mv $f moved; ln -sf /work/evil $f
       done
       mv .claude moved; mv .vscode moved; rm -rf .claude .vscode; mkdir -p .claude && echo evil > .claude/settings.json
       touch .claude/agents/new`,
      { workspace, protectedPaths },
    );

    expect(stdout).toBe("approved");
    expect(await readFile(`${workspace}/.claude/settings.json`, "utf8")).toBe("approved");
    expect(await readFile(`${workspace}/.claude/absent.json`, "utf8")).toBe("");
    expect(await readFile(`${workspace}/.env`, "utf8")).toBe("unapproved");
    expect(await readFile(`${workspace}/.mcp.json`, "utf8")).toBe("");
    expect(readdirSync(`${workspace}/.codex`)).toEqual([]);
    expect(readdirSync(`${workspace}/.vscode`)).toEqual([]);
  });

  it("refuses what leads out of the workspace or lies over the sandbox's own places", async () => {
    await mkdir(dir.file("linked"));
    await symlink("/etc", dir.file("linked", ".claude"));
    const wrap = (fields: Partial<SandboxCommand>) => () => sandbox.wrap({ ...commandFor("true"), ...fields });

    expect(wrap({ cwd: "../other" })).toThrow("not a path inside the workspace");
    expect(wrap({ cwd: "/etc" })).toThrow("not a path inside the workspace");
    expect(wrap({ readOnlyBinds: [{ source: "/etc", target: "/work/etc" }] })).toThrow("read-only at /work/etc");
    expect(wrap({ readOnlyBinds: [{ source: "/", target: "/" }] })).toThrow("read-only at /");
    expect(wrap({ env: { "A=B": "" } })).toThrow("no name of a variable");
    expect(wrap({ workspace: dir.file("linked"), protectedPaths: AGENT_CONFIGURATION_PATHS })).toThrow("symbolic link");
  });

  it("lets a command that heeds TERM end by itself", async () => {
    const attempt = await startIn(`trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done`);
    const output = attempt.stdout.bytes[Symbol.asyncIterator]();
    await output.next();

    const exit = await attempt.terminate(60_000);

    expect(exit).toMatchObject({ exitCode: 5, drained: true, survivors: [] });
    expect(String((await output.next()).value)).toBe("bye\n");
  });

  it("leaves nothing alive of processes that ignore TERM, fork twice, detach and wipe their environment", async () => {
    const token = randomUUID();
    const attempt = await startIn(hostile(token));
    await eventually(() => living(token).length >= 4);
    const begunMs = performance.now();

    const exit = await attempt.terminate(50);

    expect(exit.survivors).toEqual([]);
    expect(living(token)).toEqual([]);
    expect(performance.now() - begunMs).toBeLessThan(2000);
  });

  // Seen red without `--die-with-parent`.
  it("leaves nothing alive when the runner is killed", async () => {
    const token = randomUUID();
    const { argv, env, cwd } = sandbox.wrap(commandFor(hostile(token)));
    const runner = await AttemptProcess.spawn({
      attemptId: `att_${token}`,
      command: { argv: [process.execPath, "-e", RUNNER, JSON.stringify({ argv, env, cwd })], env: {}, cwd: "/" },
      clock: systemClock,
    });
    await eventually(() => livingIn(token).length >= 3);

    process.kill(runner.pid, "SIGKILL");

    await eventually(() => livingIn(token).length === 0);
    expect((await runner.terminate(0)).survivors).toEqual([]);
  });
});

/** A runner that starts a command and has no chance to tidy up. */
const RUNNER = `
  const { argv: [program, ...args], env, cwd } = JSON.parse(process.argv[1]);
  require("node:child_process").spawn(program, args, { env, cwd, detached: true, stdio: "ignore" });
  setInterval(() => {}, 1000);
`;

/** Four shells that can be told by the token: one in front, an orphan, a detached one, and one without environment. */
function hostile(token: string): string {
  const stubborn = `sh -c 'trap "" TERM; while :; do sleep 1; done' ${token}`;
  return `trap "" TERM; (setsid ${stubborn} &); setsid ${stubborn} & (env -i PATH=$PATH setsid ${stubborn} &); ${stubborn}`;
}

interface RunOptions extends Partial<SandboxCommand> {
  readonly shell?: string;
}

function commandFor(script: string, { shell = "sh", ...fields }: RunOptions = {}): SandboxCommand {
  const argv = shell.endsWith("env") ? [shell] : [shell, "-c", script];
  return { argv, env: {}, workspace: dir.file("workspace"), network: "none", pty: false, ...fields };
}

function startIn(script: string, options?: RunOptions): Promise<AttemptProcess> {
  const command = sandbox.wrap(commandFor(script, options));
  return AttemptProcess.spawn({ attemptId: `att_${randomUUID()}`, command, clock: systemClock });
}

async function runIn(script: string, options?: RunOptions): Promise<{ stdout: string; exitCode: number | null }> {
  const attempt = await startIn(script, options);
  attempt.stderr.bytes.resume();
  const [stdout, { exitCode }] = await Promise.all([textOf(attempt.stdout.bytes), attempt.exited]);
  return { stdout, exitCode };
}

async function textOf(stream: Readable): Promise<string> {
  return Buffer.concat(await stream.toArray()).toString();
}

async function listening(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

function living(token: string): string[] {
  return readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(token));
}

/** Without the test's own runner, whose arguments hold the token too. */
function livingIn(token: string): string[] {
  return living(token).filter((pid) => commandLine(pid).startsWith("sh\0"));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}
