import { listen } from "@signalbox/testkit";
import { execFile } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

import { NOFXClient } from "./nofx-client.ts";
import type { Event } from "./types.ts";

const PACKAGE = join(import.meta.dirname, "../..");

describe("NOFXClient", () => {
  it("sends what the guide shows", async () => {
    await using api = await serve((_, response) =>
      json(response, { id: "run_1", status: "queued", projectId: "p", runs: [] }),
    );
    const client = new NOFXClient(`${api.url}/`, "key");

    await client.createRun({ standard: { prompt: "hi" }, projectId: "p" });
    await client.listRuns({ limit: 5, projectId: "p" });
    await client.listRuns();
    await client.approveGate("gate_1", "fine");

    expect(api.requests.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["POST", "/runs", '{"standard":{"prompt":"hi"},"projectId":"p"}'],
      ["GET", "/runs?limit=5&projectId=p", ""],
      ["GET", "/runs?", ""],
      ["POST", "/gates/gate_1/approve", '{"note":"fine"}'],
    ]);
    expect(api.requests.every(({ headers }) => headers.authorization === "Bearer key")).toBe(true);
  });

  it("fails with the status as the guide shows, and with what the server said", async () => {
    await using api = await serve((_, response) =>
      json(response, { error: { code: "RUN_NOT_FOUND", message: "no such run" } }, 404),
    );

    const asking = new NOFXClient(api.url).getRun("run_9");

    await expect(asking).rejects.toMatchObject({
      message: "API error: 404",
      status: 404,
      body: { error: { code: "RUN_NOT_FOUND" } },
    });
  });

  it("hands out init and append, and stops when it is closed", async () => {
    await using api = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      response.write(`event: init\nid: 2\ndata: [${word("run.created")}\ndata: ,${word("run.started")}]\n\n`);
      response.write(`event: append\nid: 3\ndata: [${word("step.started")}]\n\n`);
    });
    const seen: string[] = [];

    const stream = new NOFXClient(api.url, "key").streamEvents("run_1", (event) => seen.push(event.event_type));

    await expect.poll(() => seen).toEqual(["run.created", "run.started", "step.started"]);
    stream.close();
    expect([stream.readyState, api.requests[0]?.headers.authorization]).toEqual([2, "Bearer key"]);
  });

  it("waits for the end over lost lines, and hears each event once", async () => {
    const types = ["run.created", "run.started", "step.started", "step.finished", "run.succeeded"];
    await using api = await serve(({ url, headers }, response) => {
      if (!url?.endsWith("/stream"))
        return json(response, { run: { id: "run_1", status: "succeeded" }, steps: [], artifacts: [] });
      const last = Number(headers["last-event-id"] ?? 0);
      const isFirst = last === 0;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(
        `retry: 1\nevent: ${isFirst ? "init" : "append"}\nid: ${last + 1}\ndata: [${word(types[last] ?? "")}]\n\n`,
      );
      // The next one is cut off in the middle.
      response.write(`event: append\nid: ${last + 2}\ndata: [${word(types[last + 1] ?? "")}]\n`, () =>
        response.destroy(),
      );
    });
    const seen: string[] = [];

    const details = await new NOFXClient(api.url).waitForCompletion("run_1", (event: Event) =>
      seen.push(event.event_type),
    );

    expect(seen).toEqual(types);
    expect(details.run.status).toBe("succeeded");
  });

  it("rejects where nothing listens, and where the run is not there", async () => {
    const gone = await serve(() => undefined);
    await gone[Symbol.asyncDispose]();
    await using api = await serve((_, response) => json(response, {}, 404));

    await expect(new NOFXClient(gone.url).waitForCompletion("run_1")).rejects.toThrow("ECONNREFUSED");
    await expect(new NOFXClient(api.url).waitForCompletion("run_9")).rejects.toThrow("API error: 404");
  });

  it("rejects with what the listener threw", async () => {
    await using api = await serve((_, response) => {
      response
        .writeHead(200, { "content-type": "text/event-stream" })
        .write(`event: init\ndata: [${word("run.created")}]\n\n`);
    });

    const waiting = new NOFXClient(api.url).waitForCompletion("run_1", () => {
      throw new Error("not today");
    });

    await expect(waiting).rejects.toThrow("not today");
  });

  it.each([
    [
      "require",
      [
        "-e",
        "const { NOFXClient } = require('@signalbox/client/nofx'); console.log(new NOFXClient().constructor.name)",
      ],
    ],
    [
      "import",
      [
        "--input-type=module",
        "-e",
        "import { NOFXClient } from '@signalbox/client/nofx'; console.log(new NOFXClient().constructor.name)",
      ],
    ],
  ])("is there with %s", async (_, args) => {
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: PACKAGE });

    expect(stdout.trim()).toBe("NOFXClient");
  });
});

function word(type: string): string {
  return JSON.stringify({ event_type: type, run_id: "run_1", payload: {}, created_at: "2026-11-21T08:00:00.000Z" });
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const requests: {
    method: string | undefined;
    url: string | undefined;
    headers: IncomingMessage["headers"];
    body: string;
  }[] = [];
  const server = await listen((request, response) => {
    let body = "";
    request.on("data", (data: Buffer) => (body += data.toString()));
    request.on("end", () => {
      requests.push({ method: request.method, url: request.url, headers: request.headers, body });
      answer(request, response);
    });
  });
  return Object.assign(server, { requests });
}
