import { describe, expect, it } from "vitest";

import { details, run } from "./_support/canned.ts";
import { eventStream, fakeApi, outputStream, refusal } from "./_support/fake-api.ts";
import { signalbox, startSignalbox } from "./_support/run-signalbox.ts";
import { soon } from "./_support/soon.ts";

describe("signalbox runs", () => {
  it("lists runs under their heads and says how to go on", async () => {
    await using api = await fakeApi({
      "GET /runs": () => ({ items: [run({ status: "succeeded", progress: 100 })], nextCursor: "run_1" }),
    });

    const { code, stdout, stderr } = await signalbox(["runs", "--status", "succeeded", "-n", "1", "--server", api.url]);

    expect(stdout).toMatch(/^RUN {4}STATE {6}DONE {3}MADE .*\nrun_1 {2}succeeded {2}100 % .* default {2}say hello\n$/);
    expect([code, stderr]).toEqual([0, "more: --cursor run_1, or --all\n"]);
    expect(Object.fromEntries(api.heard[0]?.query ?? [])).toEqual({ status: "succeeded", limit: "1" });
  });

  it("reads every page with --all", async () => {
    await using api = await fakeApi({
      "GET /runs": ({ query }) =>
        query.has("cursor")
          ? { items: [run({ id: "run_1" })] }
          : { items: [run({ id: "run_2" })], nextCursor: "run_2" },
    });

    const { stdout } = await signalbox(["runs", "--all", "--json", "--server", api.url]);

    expect(JSON.parse(stdout)).toMatchObject({ success: true, data: { items: [{ id: "run_2" }, { id: "run_1" }] } });
  });

  it("shows one run", async () => {
    await using api = await fakeApi({
      "GET /runs/:id": () =>
        details({ run: run({ status: "failed", reason: "tool_failure", message: "exit code 1" }) }),
    });

    const { stdout } = await signalbox(["runs", "show", "run_1", "--server", api.url]);

    expect(stdout).toContain("state      failed\nwhy        tool_failure: exit code 1\n");
  });

  it("tells an error as JSON with --json", async () => {
    await using api = await fakeApi({ "GET /runs/:id": () => refusal(404, "RUN_NOT_FOUND", "no such run") });

    const { code, stdout, stderr } = await signalbox(["runs", "show", "run_9", "--json", "--server", api.url]);

    expect(JSON.parse(stdout)).toEqual({ success: false, error: { code: "RUN_NOT_FOUND", message: "no such run" } });
    expect([code, stderr]).toEqual([1, ""]);
  });

  it("exits with 5 where nothing listens", async () => {
    const api = await fakeApi({});
    await api[Symbol.asyncDispose]();

    const { code, stderr } = await signalbox(["runs", "--server", api.url]);

    expect(code).toBe(5);
    expect(stderr).toContain(`signalbox: nothing listens at ${api.url}\n  start one with \`signalbox up\``);
  });

  it("sends the token of the environment", async () => {
    await using api = await fakeApi({ "GET /runs": () => ({ items: [] }) });

    await signalbox(["runs"], { env: { SIGNALBOX_URL: api.url, SIGNALBOX_TOKEN: "sbx_secret" } });

    expect(api.heard[0]?.headers.authorization).toBe("Bearer sbx_secret");
  });
});

describe("signalbox logs", () => {
  it("prints whole lines with the step's name before them", async () => {
    const pieces = [
      { step: "build", text: "one\ntw" },
      { step: "test", text: "other\n" },
      { step: "build", text: "o\nthree" },
    ];
    await using api = await fakeApi({
      "GET /runs/:id/output": outputStream(pieces),
      "GET /runs/:id": () => details({ run: run({ status: "succeeded" }) }),
    });

    const { stdout } = await signalbox(["logs", "run_1", "--server", api.url]);

    expect(stdout).toBe("build | one\ntest | other\nbuild | two\nbuild | three\n");
  });

  it("prints one step alone", async () => {
    const pieces = [
      { step: "build", text: "one\n" },
      { step: "test", text: "other\n" },
    ];
    const step = {
      id: "stp_1",
      runId: "run_1",
      index: 0,
      name: "test",
      tool: "command",
      key: "k",
      needs: [],
      inputs: {},
      status: "succeeded",
      attempts: [],
    };
    await using api = await fakeApi({
      "GET /runs/:id/output": outputStream(pieces),
      "GET /runs/:id/steps/:step": () => step,
    });

    expect((await signalbox(["logs", "run_1", "--step", "test", "--server", api.url])).stdout).toBe("other\n");
  });

  it("prints each piece as a line of JSON with --json", async () => {
    await using api = await fakeApi({ "GET /runs/:id/output": outputStream([{ step: "build", text: "one\n" }]) });

    const { stdout } = await signalbox(["logs", "run_1", "--json", "--server", api.url]);

    expect(JSON.parse(stdout)).toEqual({
      runId: "run_1",
      seq: 1,
      step: "build",
      attemptId: "att_build",
      stream: "stdout",
      offset: 0,
      length: 4,
      text: "one\n",
    });
  });

  it("leaves at Ctrl-C and cancels nothing", async () => {
    await using api = await fakeApi({ "GET /runs/:id/output": eventStream([], { hold: true }) });
    const { child, ended } = startSignalbox(["logs", "-f", "run_1", "--server", api.url]);
    await soon(() => api.heard.length).toBe(1);

    child.kill("SIGINT");

    expect((await ended).code).toBe(130);
    expect(api.heard.map(({ method }) => method)).toEqual(["GET"]);
  });
});
