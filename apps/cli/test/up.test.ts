import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { signalbox, startSignalbox } from "./_support/run-signalbox.ts";
import { soon } from "./_support/soon.ts";

interface Up extends AsyncDisposable {
  readonly pid: number;
  readonly env: Record<string, string>;
  readonly started: ReturnType<typeof startSignalbox>;
}

/** A real server with a real runner, on a folder of its own and a free port. */
async function up(args: readonly string[] = []): Promise<Up> {
  const dir = await tempDir();
  const data = dir.file("data");
  const started = startSignalbox(["up", "--port", "0", "--data-dir", data, ...args], { env: { HOME: dir.path } });
  const stop = async () => {
    started.child.kill("SIGTERM");
    await started.ended;
    await dir[Symbol.asyncDispose]();
  };
  try {
    await expect.poll(() => started.printed(), { timeout: 60_000 }).toMatch(/serves at (\S+)[^]*runner .*rnr_/);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = /serves at (\S+)/.exec(started.printed())?.[1] ?? "";
  return {
    pid: started.child.pid ?? 0,
    env: { SIGNALBOX_URL: url, SIGNALBOX_DATA_DIR: data },
    started,
    [Symbol.asyncDispose]: stop,
  };
}

describe.skipIf(process.platform !== "linux")("signalbox up", () => {
  it("runs the sample for real, then serves other commands, and ends at Ctrl-C with nothing left behind", async () => {
    await using server = await up(["--sample"]);
    await expect.poll(() => server.started.printed(), { timeout: 60_000 }).toContain("Next things to type");

    expect(server.started.printed()).toContain("agents  none yet; `signalbox agents install`");
    const [sample] = (await list(server.env)) as [{ id: string }];
    const shown = await signalbox(["runs", sample.id, "--json"], { env: server.env });
    const logs = await signalbox(["logs", sample.id, "--step", "test"], { env: server.env });
    const artifacts = await signalbox(["artifacts", sample.id], { env: server.env });
    const own = await signalbox(["run", "--command", "echo from $0; exit 3", "--json"], { env: server.env });

    expect((JSON.parse(shown.stdout) as { data: unknown }).data).toMatchObject({
      run: { status: "succeeded", progress: 100 },
    });
    expect(logs.stdout).toContain("greets in ja");
    expect(artifacts.stdout).toContain("report.md");
    expect(own.code).toBe(1);
    const runner = childrenOf(server.pid);
    server.started.child.kill("SIGINT");
    expect((await server.started.ended).code).toBe(0);
    expect(runner).toHaveLength(1);
    expect(runner.filter(isAlive)).toEqual([]);
    const verified = await signalbox(["verify", "--hashes"], { env: server.env });
    expect([verified.code, verified.stdout]).toEqual([
      0,
      expect.stringMatching(/^2 runs, 1 runner, \d+ events: all is well\n$/),
    ]);
  });

  it("leaves data in which verify finds the content of an artifact that is gone", async () => {
    await using server = await up();
    const plan =
      '{"goal":"g","steps":[{"name":"w","tool":"command","inputs":{"shell":"echo kept > a.txt"},"artifacts":["a.txt"]}]}';
    await signalbox(["run", "-", "--json"], { env: server.env, stdin: plan });
    const [run] = (await list(server.env)) as [{ id: string }];
    const { stdout } = await signalbox(["artifacts", run.id, "--json"], { env: server.env });
    const [artifact] = (JSON.parse(stdout) as { data: { items: [{ sha256: string }] } }).data.items;
    server.started.child.kill("SIGINT");
    await server.started.ended;
    const before = await signalbox(["verify"], { env: server.env });

    rmSync(blobFile(server.env["SIGNALBOX_DATA_DIR"] ?? "", artifact.sha256));
    const after = await signalbox(["verify", "--json"], { env: server.env });

    expect(before.code).toBe(0);
    expect(after.code).toBe(1);
    expect(after.stdout).toContain(artifact.sha256);
  });

  it("starts its runner again when it dies", async () => {
    await using server = await up();
    const [first] = childrenOf(server.pid);

    process.kill(first ?? 0, "SIGKILL");

    await soon(() => server.started.printed()).toContain("the runner ended (SIGKILL); it starts again in 0.5 s");
    const { code, stdout } = await signalbox(["run", "-c", "echo again"], { env: server.env });
    expect([code, stdout]).toEqual([0, expect.stringContaining("command | again")]);
  });

  it("takes its runner along even when it is killed", async () => {
    await using server = await up();
    const [runner] = childrenOf(server.pid);

    server.started.child.kill("SIGKILL");

    await expect.poll(() => isAlive(runner ?? 0), { timeout: 40_000 }).toBe(false);
  });

  it("says what stands in its way where the port or the data is taken", async () => {
    await using server = await up();
    const { port } = new URL(server.env["SIGNALBOX_URL"] ?? "");
    await using dir = await tempDir();

    const port2 = await signalbox(["up", "--port", port, "--data-dir", dir.file("data")]);
    const data2 = await signalbox(["server", "--port", "0", "--data-dir", server.env["SIGNALBOX_DATA_DIR"] ?? ""]);

    expect([port2.code, port2.stderr]).toEqual([
      1,
      expect.stringContaining(`signalbox: port ${port} is taken by another program\n`),
    ]);
    expect([data2.code, data2.stderr]).toEqual([
      1,
      expect.stringMatching(/^signalbox: .*--data-dir takes another folder\n$/s),
    ]);
  });
});

async function list(env: Record<string, string>): Promise<unknown[]> {
  const { stdout } = await signalbox(["runs", "--json"], { env });
  return (JSON.parse(stdout) as { data: { items: unknown[] } }).data.items;
}

function blobFile(dataDir: string, sha256: string): string {
  const files = readdirSync(join(dataDir, "blobs"), { recursive: true, withFileTypes: true });
  const file = files.find(
    (entry) => entry.isFile() && `${entry.parentPath}/${entry.name}`.replaceAll("/", "").endsWith(sha256),
  );
  const named = file ?? files.find((entry) => entry.isFile() && entry.name.includes(sha256));
  if (!named) throw new Error(`no blob ${sha256} in ${dataDir}`);
  return join(named.parentPath, named.name);
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
}

/** A process that has ended and was not yet waited for counts as gone. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
