import { tempDir } from "@signalbox/testkit";
import { mkdir, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { details, event, run, story } from "./_support/canned.ts";
import { eventStream, fakeApi, outputStream, refusal } from "./_support/fake-api.ts";
import { signalbox, startSignalbox } from "./_support/run-signalbox.ts";
import { soon } from "./_support/soon.ts";

const ESCAPE = "\u001b";

function aRun(events: Parameters<typeof eventStream>[0], pieces: Parameters<typeof outputStream>[0] = []) {
  const status = events.at(-1)?.type.replace("run.", "") as "succeeded";
  return fakeApi({
    "POST /runs": () => run(),
    "GET /runs/:id": () => details({ run: run({ status, lastSeq: events.length }) }),
    "GET /runs/:id/stream": eventStream(events),
    "GET /runs/:id/output": outputStream(pieces),
    "GET /runs/:id/waiting": () => [],
    "POST /runs/:id/cancel": () => run(),
  });
}

describe("signalbox run", () => {
  it("starts a command and prints what happens, line by line and without escapes, where stdout is no terminal", async () => {
    await using api = await aRun(story(["build", "test"]), [{ step: "build", text: "compiled\nall of it\n" }]);

    const ended = await signalbox(["run", "--command", "make", "--server", api.url]);

    expect(ended.stdout.split("\n").filter((line) => !line.includes(" | "))).toEqual([
      "build: started",
      "build: succeeded in 0.4 s",
      "test: started",
      "test: succeeded in 0.4 s",
      "run_1 succeeded in 1.2 s",
      "",
    ]);
    expect(ended.stdout).toContain("build | compiled\nbuild | all of it\n");
    expect(ended.stdout + ended.stderr).not.toContain(ESCAPE);
    expect(ended.code).toBe(0);
    expect(api.heard[0]).toMatchObject({ method: "POST", path: "/runs", body: { command: "make" } });
    expect(api.heard[0]?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("exits with 1 when the run failed, and says why", async () => {
    await using api = await aRun(story(["build"], { failing: ["build"] }));

    const { code, stdout } = await signalbox(["run", "-c", "make", "--server", api.url]);

    expect([code, stdout]).toEqual([
      1,
      "build: started\nbuild: failed in 0.4 s: exit code 1\nrun_1 failed in 1.2 s: a step failed\n",
    ]);
  });

  it("exits with 3 when the run was cancelled", async () => {
    const events = [
      event(1, "run.created", { goal: "g", projectId: "p", source: "plan", steps: [] }),
      event(2, "run.cancelled", { goal: "g", duration: 5, steps_count: 0 }),
    ];
    await using api = await aRun(events);

    expect((await signalbox(["run", "-c", "make", "--server", api.url])).code).toBe(3);
  });

  it("exits with 4 at a gate with --no-wait, and says what to type", async () => {
    await using api = await aRun([
      event(1, "run.created", {
        goal: "g",
        projectId: "p",
        source: "plan",
        steps: [{ name: "ask", tool: "gate:manual", needs: [] }],
      }),
      event(2, "gate.pending", {
        name: "ask",
        gateId: "gate_1",
        gate_id: "gate_1",
        description: "go on?",
        approvers: [],
        contentHash: "x",
        expiresAt: "x",
      }),
    ]);

    const { code, stdout } = await signalbox(["run", "-c", "make", "--no-wait", "--server", api.url]);

    expect(code).toBe(4);
    expect(stdout).toContain("signalbox approve gate_1");
  });

  it("prints one event to a line, and the run at the end, with --json", async () => {
    const events = story(["build"]);
    await using api = await aRun(events);

    const { code, stdout, stderr } = await signalbox(["run", "-c", "make", "--json", "--server", api.url]);

    const documents = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents.slice(0, -1)).toEqual(events.map((one) => ({ event: one })));
    expect(documents.at(-1)).toMatchObject({ success: true, data: { run: { id: "run_1" } } });
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("prints the run's id and leaves with --detach", async () => {
    await using api = await aRun([]);

    const { code, stdout } = await signalbox(["run", "-c", "make", "--detach", "--server", api.url]);

    expect([code, stdout]).toEqual([0, "run_1\n"]);
  });

  it("asks for the run to be cancelled at the first Ctrl-C, and exits with 3 once it is", async () => {
    let isCancelled = false;
    await using api = await fakeApi({
      "POST /runs": () => run(),
      "POST /runs/:id/cancel": () => ((isCancelled = true), run()),
      "GET /runs/:id": () =>
        details({ run: run({ status: isCancelled ? "cancelled" : "running", lastSeq: isCancelled ? 2 : 1 }) }),
      "GET /runs/:id/stream": (heard, response) =>
        eventStream([
          event(1, "run.created", { goal: "g", projectId: "p", source: "plan", steps: [] }),
          ...(isCancelled ? [event(2, "run.cancelled", { goal: "g", duration: 5, steps_count: 0 })] : []),
        ])(heard, response),
      "GET /runs/:id/output": outputStream([]),
    });
    const { child, ended, printed } = startSignalbox(["run", "-c", "sleep 9", "--server", api.url]);
    await soon(() => api.heard.some(({ path }) => path.endsWith("/stream"))).toBe(true);

    child.kill("SIGINT");

    expect((await ended).code).toBe(3);
    expect(printed()).toContain("cancelling the run; Ctrl-C again leaves it to the server");
  });

  it("leaves the run alone when its terminal is closed", async () => {
    await using api = await fakeApi({
      "POST /runs": () => run(),
      "GET /runs/:id/stream": eventStream([], { hold: true }),
      "GET /runs/:id/output": eventStream([], { hold: true }),
    });
    const { child, ended } = startSignalbox(["run", "-c", "sleep 9", "--server", api.url]);
    await soon(() => api.heard.some(({ path }) => path.endsWith("/stream"))).toBe(true);

    child.kill("SIGHUP");

    expect((await ended).code).toBe(130);
    expect(api.heard.some(({ path }) => path.endsWith("/cancel"))).toBe(false);
  });

  it("sends a folder of this machine as an absolute file: URL", async () => {
    await using api = await aRun(story([]));
    await using dir = await tempDir();
    await mkdir(dir.file("repo", ".git"), { recursive: true });

    await signalbox(["run", "-c", "make", "-r", "repo", "-b", "main", "-d", "--server", api.url], { cwd: dir.path });

    expect(api.heard[0]?.body).toEqual({
      command: "make",
      repo: { url: `file://${dir.file("repo")}`, branch: "main" },
    });
  });

  it("sends a plan as it stands in the file", async () => {
    await using api = await aRun(story([]));
    await using dir = await tempDir();
    await writeFile(
      dir.file("plan.yaml"),
      "goal: hello\nsteps:\n  - name: hello\n    tool: command\n    inputs: { shell: echo hello }\n",
    );

    await signalbox(
      ["run", "plan.yaml", "--project", "web", "--label", "os=linux", "--timeout", "2m", "-d", "--server", api.url],
      { cwd: dir.path },
    );

    expect(api.heard[0]?.body).toEqual({
      plan: { goal: "hello", steps: [{ name: "hello", tool: "command", inputs: { shell: "echo hello" } }] },
      projectId: "web",
      requires: { labels: { os: "linux" } },
      timeoutMs: 120_000,
    });
  });

  it("exits with 2 on a plan that is not right, with file, line and column", async () => {
    const plan = "goal: hello\nsteps:\n  - name: hello\n    tool: comand\n";

    const { code, stderr } = await signalbox(["run", "-"], { stdin: plan });

    expect(code).toBe(2);
    expect(stderr).toContain('stdin:4:11: step "hello", tool: there is no tool "comand"; did you mean "command"?');
  });

  it("exits with 6 without a token that permits it", async () => {
    await using api = await fakeApi({ "POST /runs": () => refusal(401, "UNAUTHORIZED", "this needs a valid token") });

    const { code, stderr } = await signalbox(["run", "-c", "make", "--server", api.url]);

    expect(code).toBe(6);
    expect(stderr).toContain("signalbox: this needs a valid token\n  give a token with --token or SIGNALBOX_TOKEN");
  });

  it("shows hostile names and output without letting them reach the terminal", async () => {
    const name = "a\u202ereversed";
    await using api = await aRun(story([name]), [
      { step: name, text: `${ESCAPE}]0;title\u0007${ESCAPE}[2Jwiped${ESCAPE}[31m red\u009b5n\n` },
    ]);

    const { stdout, stderr } = await signalbox(["run", "-c", "make", "--server", api.url]);

    expect(stdout).toContain("a\\u{202e}reversed | wiped red\n");
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });
});
