import { listen } from "@signalbox/testkit";
import { ManualClock } from "@signalbox/testkit";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";

import { run } from "../test/_support/canned.ts";
import { hastyClock } from "../test/_support/hasty-clock.ts";
import { createClient } from "./client.ts";
import { UnexpectedAnswerError } from "./errors.ts";

type Act = (response: ServerResponse, request: IncomingMessage) => void;

describe("a client's requests", () => {
  it("go again with the same key after a lost line, 503 and 429, and no sooner than the server asks", async () => {
    await using api = await serve([(response) => response.destroy(), busy(503, "2"), busy(429, "1"), ok(run())]);
    const clock = hastyClock();

    const made = await createClient({ baseUrl: api.url, clock, random: () => 0.5 }).runs.create({ command: "true" });

    expect(made.id).toBe("run_1");
    const keys = api.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(4);
    expect(clock.pauses).toEqual([100, 2_200, 1_400]);
  });

  it("use a new key for each call, and the caller's where there is one", async () => {
    await using api = await serve([ok(run()), ok(run()), ok(run())]);
    const { runs } = createClient({ baseUrl: api.url });

    await runs.create({ command: "true" });
    await runs.create({ command: "true" });
    await runs.create({ command: "true" }, { idempotencyKey: "mine" });

    const [first, second, third] = api.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(first).not.toBe(second);
    expect(third).toBe("mine");
  });

  it.each([400, 401, 403, 404, 409, 422, 500, 507])("are refused at once with %i", async (status) => {
    await using api = await serve([refused(status, "VALIDATION_ERROR"), ok(run())]);

    const asking = createClient({ baseUrl: api.url, clock: hastyClock() }).runs.get("run_1");

    await expect(asking).rejects.toMatchObject({ name: "RequestRefusedError", status, retryable: false });
    expect(api.requests).toHaveLength(1);
  });

  it("carry what a refusal says", async () => {
    await using api = await serve([
      refused(400, "VALIDATION_ERROR", { issues: [{ path: "plan", message: "is missing" }] }),
    ]);

    const asking = createClient({ baseUrl: api.url }).runs.get("run_1");

    await expect(asking).rejects.toMatchObject({
      code: "VALIDATION_ERROR",
      message: "because",
      details: { issues: [{ path: "plan", message: "is missing" }] },
      requestId: "req_7",
    });
  });

  it("wait for an earlier try of their own that is still being worked on", async () => {
    await using api = await serve([(response) => response.destroy(), refused(409, "REQUEST_IN_PROGRESS"), ok(run())]);

    const made = await createClient({ baseUrl: api.url, clock: hastyClock() }).runs.create({ command: "true" });

    expect(made.id).toBe("run_1");
  });

  it("give up after the last try with the last answer", async () => {
    await using api = await serve([busy(503), busy(503), busy(503)]);

    const asking = createClient({ baseUrl: api.url, clock: hastyClock(), retries: 2 }).runs.get("run_1");

    await expect(asking).rejects.toMatchObject({ code: "BUSY", retryable: true });
    expect(api.requests).toHaveLength(3);
  });

  it("do not wait for a server that wants to be left alone for long", async () => {
    await using api = await serve([busy(429, "3600")]);

    const asking = createClient({ baseUrl: api.url, clock: hastyClock() }).runs.get("run_1");

    await expect(asking).rejects.toMatchObject({ retryAfterMs: 3_600_000 });
  });

  it("give up on a try at its deadline", async () => {
    const clock = new ManualClock();
    await using api = await serve([() => clock.advance(5_000)]);

    const asking = createClient({ baseUrl: api.url, clock, retries: 0, timeoutMs: 5_000 }).runs.get("run_1");

    await expect(asking).rejects.toMatchObject({
      name: "ConnectionError",
      message: `${api.url} did not answer within 5 s`,
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it("end with the reason of the caller's signal", async () => {
    const stop = new AbortController();
    await using api = await serve([() => stop.abort(new Error("enough"))]);

    const asking = createClient({ baseUrl: api.url }).runs.get("run_1", { signal: stop.signal });

    await expect(asking).rejects.toThrow("enough");
  });

  it("say where nothing listens", async () => {
    const api = await serve([]);
    await api[Symbol.asyncDispose]();

    const asking = createClient({ baseUrl: `${api.url}/`, retries: 0 }).runs.list();

    await expect(asking).rejects.toMatchObject({
      name: "ConnectionError",
      message: `nothing listens at ${api.url}`,
      url: api.url,
    });
  });

  it("tell another kind of server, and another version of ours, from a refusal", async () => {
    const page: Act = (response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>hi</h1>");
    await using api = await serve([page, ok({ id: 7 })]);
    const { runs } = createClient({ baseUrl: api.url });

    await expect(runs.get("run_1")).rejects.toThrow(
      `what answers at ${api.url} is not a Signalbox server (status 200, text/html)`,
    );
    await expect(runs.get("run_1")).rejects.toThrow(UnexpectedAnswerError);
  });

  it("never follow a redirect, which could carry the token away", async () => {
    await using elsewhere = await serve([ok(run())]);
    await using api = await serve([(response) => response.writeHead(307, { location: elsewhere.url }).end()]);

    const asking = createClient({ baseUrl: api.url, token: "secret" }).runs.get("run_1");

    await expect(asking).rejects.toThrow(`sends its visitors to ${elsewhere.url}; use that address`);
    expect(elsewhere.requests).toHaveLength(0);
  });

  it("send ids as one part of the path, whatever is in them", async () => {
    await using api = await serve([refused(404, "RUN_NOT_FOUND")]);

    await expect(createClient({ baseUrl: `${api.url}/prefix/` }).runs.get("../tokens?x#y")).rejects.toThrow();

    expect(api.requests[0]?.url).toBe("/prefix/api/v1/runs/..%2Ftokens%3Fx%23y");
  });

  it.each(["..", ".", "a/../../tokens"])("never go to another path for %j", async (path) => {
    await using api = await serve([ok(run())]);

    const asking = createClient({ baseUrl: api.url }).files.download("run_1", path);

    await expect(asking).rejects.toMatchObject({ code: "MALFORMED_URL" });
    await expect(createClient({ baseUrl: api.url }).runs.get("..")).rejects.toMatchObject({ code: "MALFORMED_URL" });
    expect(api.requests).toHaveLength(0);
  });

  it.each(["localhost:3000", "ftp://host", "http://me:secret@host", "http://host/?a=b"])(
    "refuse the address %s",
    (baseUrl) => {
      expect(() => createClient({ baseUrl })).toThrow(TypeError);
    },
  );
});

/** Answers the n-th request with the n-th act. */
async function serve(acts: readonly Act[]) {
  const requests: IncomingMessage[] = [];
  const server = await listen((request, response) => {
    requests.push(request);
    acts[requests.length - 1]?.(response, request);
  });
  return Object.assign(server, { requests });
}

function ok(data: unknown): Act {
  return (response) => send(response, 200, { success: true, data });
}

function refused(status: number, code: string, details?: unknown): Act {
  const meta = { requestId: "req_7", timestamp: "2026-11-21T08:00:00.000Z" };
  return (response) => send(response, status, { success: false, error: { code, message: "because", details }, meta });
}

function busy(status: number, retryAfter?: string): Act {
  return (response) => {
    if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
    send(response, status, { success: false, error: { code: "BUSY", message: "busy" } });
  };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
